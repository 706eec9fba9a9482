using Medix.Evaluation.Cards;
using Medix.Runs;
using Medix.Training.Doctor;
using Medix.Weights;

namespace Medix.Training.Tests.Runs;

public class ModelCardRunTests
{
    private static readonly string[] Lora = ["tuning.lora.rank=4", "tuning.lora.modules=[\"all-linear\"]"];

    [Fact]
    public async Task A_run_saves_a_card_and_a_manifest_that_its_folder_agrees_with()
    {
        using var run = new TinyRun();
        TrainingOutcome outcome = await run.ExecuteAsync(TinyRun.NanoRecipe("steps=1"));
        string model = outcome.Folder.PathOf("model");
        Assert.Empty(ModelManifest.Verify(model));
        ModelManifest manifest = ModelManifest.Read(model);
        Assert.Equal(outcome.Report!.HeldOut.Reward.After, manifest.Evaluation.Reward.After);
        Assert.Equal(outcome.Report.Model.WeightsBefore, manifest.Base.Sha256);
        Assert.Equal(outcome.Report.Model.WeightsAfter, manifest.Files.Single(file => file.Name == "model.safetensors").Sha256);
        CardFrontMatter matter = CardFrontMatter.Parse(File.ReadAllText(Path.Combine(model, "README.md")));
        Assert.Equal(["apache-2.0"], matter["license"]);
        Assert.Equal(["nano"], matter["base_model"]);
        Assert.Equal(["transformers"], matter["library_name"]);
        Assert.DoesNotContain(run.Messages, message => message.StartsWith("Licence:", StringComparison.Ordinal));
        File.AppendAllText(Path.Combine(model, "model.safetensors"), "x");
        Assert.Equal([new ManifestFault("model.safetensors", FileFault.Changed)], ModelManifest.Verify(model));
    }

    [Fact]
    public async Task An_adapters_card_is_peft_and_a_licence_that_binds_is_said_before_the_first_step()
    {
        using var run = new TinyRun();
        TrainingOutcome outcome = await run.ExecuteAsync(TinyRun.NanoRecipe([.. Lora, "steps=1", "data.license=cc-by-nc-sa-4.0"]));
        string warning = Assert.Single(run.Messages, message => message.StartsWith("Licence:", StringComparison.Ordinal));
        Assert.Contains("must be CC-BY-NC-SA-4.0 (share-alike, non-commercial)", warning, StringComparison.Ordinal);
        Assert.Equal(0, run.StepsAt(warning));
        string model = outcome.Folder.PathOf("model");
        CardFrontMatter matter = CardFrontMatter.Parse(File.ReadAllText(Path.Combine(model, "README.md")));
        Assert.Equal(["cc-by-nc-sa-4.0"], matter["license"]);
        Assert.Equal(["peft"], matter["library_name"]);
        Assert.Equal(["adapter"], matter["base_model_relation"]);
        Assert.True(ModelManifest.Read(model).Adapter);
        Assert.Empty(ModelManifest.Verify(model));
    }

    [Fact]
    public async Task A_base_in_shards_is_named_by_all_and_nothing_saved_names_its_folder()
    {
        using var run = new TinyRun();
        string nano = Path.Combine(Testing.Repository.Root, "models", "nano"), based = Path.Combine(run.Root, "of someone", "sharded");
        using (Checkpoint source = Checkpoint.Open(nano))
        {
            IEnumerable<StreamedTensor> tensors = source.Names.Select(name => new StreamedTensor(
                name, source.Info(name).DType, source.Info(name).Shape, stream => stream.Write(source.Bytes(name))));
            CheckpointWriter.Write(based, [.. tensors], new CheckpointOptions(4_000_000), TestContext.Current.CancellationToken);
            ModelSideFiles.Copy(nano, based, withConfig: true);
        }

        TrainingOutcome outcome = await run.ExecuteAsync(TinyRun.NanoRecipe([.. Lora, "steps=1", $"model.path={based}"]));
        ModelManifest manifest = ModelManifest.Read(outcome.Folder.PathOf("model"));
        WeightsIdentity identity = WeightsIdentity.Of(based);
        Assert.True(identity.Files.Count > 2, "shards and an index");
        Assert.Equal(identity.Files, manifest.Base.Files);
        Assert.Equal(("sharded", identity.Sha256), (manifest.Base.Id, manifest.Base.Sha256));
        string[] published = [.. Directory.GetFiles(outcome.Folder.PathOf("model")), outcome.Folder.PathOf("report.html"), outcome.Folder.PathOf("report.json")];
        Assert.All(published, file => Assert.DoesNotContain("of someone", File.ReadAllText(file), StringComparison.Ordinal));
        Assert.Contains("of someone", File.ReadAllText(outcome.Folder.PathOf("recipe.json")), StringComparison.Ordinal); // a resumed run needs it
    }

    [Theory]
    [InlineData("data.license=mit", Outcome.Good, "Apache-2.0")]
    [InlineData("data.license=cc-by-nc-nd-4.0", Outcome.Warning, "allows no derivatives")]
    public async Task The_doctor_tells_what_the_licences_mean_and_never_fails_by_them(string change, Outcome outcome, string text)
    {
        List<Finding> findings = [];
        await foreach (Finding finding in Examination.RunAsync(() => TinyRun.NanoRecipe(change), TestContext.Current.CancellationToken))
        {
            findings.Add(finding);
        }

        Finding licences = findings.Single(finding => finding.Check == "licences");
        Assert.Equal(outcome, licences.Outcome);
        Assert.Contains(text, licences.Text, StringComparison.Ordinal);
    }
}
