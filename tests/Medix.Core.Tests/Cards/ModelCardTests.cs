using System.Text.Json;
using CsCheck;
using Medix.Core.Tests.Reports;
using Medix.Evaluation;
using Medix.Evaluation.Cards;
using Medix.Evaluation.Reports;
using Medix.Runs;
using Medix.Runs.Licenses;
using Medix.Runs.Recipes;
using Medix.Weights;

namespace Medix.Core.Tests.Cards;

public sealed class ModelCardTests : IDisposable
{
    private static readonly LicenseVerdict Conflicting = LicenseCheck.Combine([Part("weights", "apache-2.0"), Part("data", "cc-by-nc-sa-4.0")]);
    private readonly string folder = Directory.CreateTempSubdirectory("medix-card-").FullName;

    public ModelCardTests()
    {
        File.WriteAllText(Path.Combine(folder, "model.safetensors"), "weights");
        Directory.CreateDirectory(Path.Combine(folder, "extra"));
        File.WriteAllText(Path.Combine(folder, "extra", "notes.txt"), "notes");
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void The_front_matter_says_licence_base_data_and_library()
    {
        CardFrontMatter matter = CardFrontMatter.Parse(Card(Report(), Conflicting));
        Assert.Equal(["cc-by-nc-sa-4.0"], matter["license"]);
        Assert.Equal(["Qwen/Qwen3-VL-8B-Instruct"], matter["base_model"]);
        Assert.Equal(["finetune"], matter["base_model_relation"]);
        Assert.Equal(["MBZUAI/medix-rl-data"], matter["datasets"]);
        Assert.Equal(["transformers"], matter["library_name"]);
        Assert.Equal(["image-text-to-text"], matter["pipeline_tag"]);
        Assert.Contains("not-for-clinical-use", matter["tags"]);
    }

    [Fact]
    public void The_results_are_the_reports_and_nothing_unscored_is_a_number()
    {
        TrainReport report = Report();
        report = report with { HeldOut = report.HeldOut with { ModalityRecognition = FakeReport.Nothing("modality recognition") } };
        string card = Card(report, Conflicting);
        Assert.Contains("    - type: \"reward\"\n      value: 0.687\n", card, StringComparison.Ordinal);
        Assert.Contains("Composite reward, greedy (95 % interval 0.652 to 0.752, 300 samples, 3 left out)", card, StringComparison.Ordinal);
        Assert.DoesNotContain("\"modality_recognition\"", card, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", card, StringComparison.Ordinal);
        Assert.Contains(
            "| **Composite reward** | 2 draws at temperature 1 | 0.412 (0.372 to 0.452) | 0.687 (0.647 to 0.727) | +0.275 (+0.235 to +0.315) |", card, StringComparison.Ordinal);
    }

    [Fact]
    public void The_card_warns_says_what_it_is_not_for_and_lists_what_was_left_out()
    {
        string card = Card(Report(), Conflicting);
        Assert.Contains("\n# nano\n\n**This model is a research artefact, not for clinical use.** ", card, StringComparison.Ordinal); // before anything else
        Assert.Contains(Conflicting.Warnings.Single(), card, StringComparison.Ordinal);
        Assert.Contains("3 samples more could not be scored on both sides", card, StringComparison.Ordinal);
        Assert.Contains("- 3 x judge: no answer in time", card, StringComparison.Ordinal);
        Assert.Contains("- 12 x prompt longer than 256 tokens", card, StringComparison.Ordinal);
        Assert.Contains("## Intended use", card, StringComparison.Ordinal);
        Assert.Contains("## Limitations", card, StringComparison.Ordinal);
        Assert.DoesNotContain("{{", card, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("llama3.1", "mit", "unknown")]
    [InlineData("gpl-3.0", "cc-by-nc-sa-4.0", "conflicting")]
    [InlineData("mit", "research only", "licenseref-research-only")]
    public void A_licence_the_hub_does_not_know_is_other_with_a_name(string weights, string data, string name)
    {
        CardFrontMatter matter = CardFrontMatter.Parse(Card(Report(), LicenseCheck.Combine([Part("weights", weights), Part("data", data)])));
        Assert.Equal(["other"], matter["license"]);
        Assert.Equal([name], matter["license_name"]);
    }

    [Fact]
    public void An_adapter_is_peft_beside_its_base()
    {
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), "{}");
        CardFrontMatter matter = CardFrontMatter.Parse(Card(Report(), Conflicting));
        Assert.Equal(["peft"], matter["library_name"]);
        Assert.Equal(["adapter"], matter["base_model_relation"]);
        Assert.Contains("lora", matter["tags"]);
    }

    [Fact]
    public void A_new_model_has_no_base_and_a_local_path_gives_only_its_last_name()
    {
        TrainReport report = Report();
        ModelRecipe made = new() { Create = new NewModelRecipe() }, local = new() { Path = "/home/someone/models/mine" };
        Assert.Empty(CardFrontMatter.Parse(Card(report with { Recipe = report.Recipe with { Model = made } }, Conflicting))["base_model"]);
        report = report with { Recipe = report.Recipe with { Model = local }, Model = report.Model with { Path = local.Path } };
        Assert.Equal(["mine"], CardFrontMatter.Parse(Card(report, Conflicting))["base_model"]);
    }

    [Fact]
    public void Texts_from_outside_cannot_become_markup_or_front_matter()
    {
        const string Evil = "x\n---\nlicense: mit\n# Title | <script>alert(1)<script> {{recipe}} `code` \"quoted\"";
        TrainReport report = Report();
        report = report with
        {
            JudgeName = Evil,
            Data = report.Data with { Source = Evil, LeftOut = new Dictionary<string, int> { [Evil] = 1 } },
            Recipe = report.Recipe with { Data = report.Recipe.Data with { Path = "/data/" + Evil } },
        };
        string card = Card(report, LicenseCheck.Combine([Part("weights", Evil), Part("data", "mit")]));
        CardFrontMatter matter = CardFrontMatter.Parse(card);
        Assert.Equal(["other"], matter["license"]);
        Assert.Equal(["image-text-to-text"], matter["pipeline_tag"]); // stands after the data's name: that did not end the front matter
        string body = card[card.IndexOf("\n---\n", StringComparison.Ordinal)..]; // in the front matter it is a quoted text
        Assert.DoesNotContain("<script>", body, StringComparison.Ordinal);
        Assert.DoesNotContain("\n# Title", card, StringComparison.Ordinal);
        Assert.Equal(2, card.Split('\n').Count(line => line == "---"));
        Assert.Single(card.Split('\n'), line => line == "```json");
    }

    [Fact]
    public void Any_text_is_one_quoted_line_that_reads_back() => Gen
        .OneOf(Gen.String, Gen.Char["\n\r\t\0\u0085\u2028\uFEFF\uD800\uDC00\"\\'#:-{[ aé"].Array.Select(c => new string(c))).Sample(text =>
    {
        string line = Yaml.Text(text);
        return !line.Any(char.IsControl) && JsonSerializer.Deserialize<string>(line) == string.Concat(text.EnumerateRunes());
    });

    [Fact]
    public void A_base_in_shards_is_named_by_all_of_them()
    {
        TrainReport report = Report();
        WeightsFile[] files = [new("model-00001-of-00002.safetensors", 8, "aa"), new("model-00002-of-00002.safetensors", 9, "bb"), new("model.safetensors.index.json", 7, "cc")];
        string card = Card(report with { Model = report.Model with { FilesBefore = files } }, Conflicting);
        Assert.Equal(files, ModelManifest.Read(folder).Base.Files);
        Assert.Contains("over the SHA-256 of its 3 files", card, StringComparison.Ordinal);
    }

    [Fact]
    public void The_manifest_holds_the_runs_facts_and_reads_back()
    {
        TrainReport report = Report();
        ModelCardWriter.Write(report, Conflicting, folder);
        ModelManifest manifest = ModelManifest.Read(folder);
        Assert.Equal(report.HeldOut.Reward, manifest.Evaluation.Reward);
        Assert.Equal(report.HeldOut.Greedy, manifest.Evaluation.Greedy);
        Assert.Equal((report.Model.WeightsBefore, report.Data.Hash, 7UL, 2712.4), (manifest.Base.Sha256, manifest.Data.Sha256, manifest.Seed, manifest.Seconds));
        TrainRecipe published = report.Recipe with { Data = report.Recipe.Data with { Path = "MBZUAI/medix-rl-data" } }; // in place of its folder in the cache
        Assert.Equal(RecipeLoader.ToJson(published), RecipeLoader.ToJson(manifest.Recipe));
        Assert.Equal(["README.md", "extra/notes.txt", "model.safetensors"], manifest.Files.Select(f => f.Name).Order(StringComparer.Ordinal));
        Assert.Equal(File.ReadAllText(Path.Combine(folder, "README.md")), ModelCard.Write(manifest)); // the card is the manifest's
        Assert.False(manifest.ForClinicalUse);
    }

    [Fact]
    public void Verify_sees_a_changed_a_missing_and_an_added_file()
    {
        ModelCardWriter.Write(Report(), Conflicting, folder);
        Assert.Empty(ModelManifest.Verify(folder));
        File.WriteAllText(Path.Combine(folder, "model.safetensors"), "Weights"); // same length
        File.Delete(Path.Combine(folder, "extra", "notes.txt"));
        File.WriteAllText(Path.Combine(folder, "more.bin"), "");
        ManifestFault[] expected =
            [new("extra/notes.txt", FileFault.Missing), new("model.safetensors", FileFault.Changed), new("more.bin", FileFault.Unlisted)];
        Assert.Equal(expected, ModelManifest.Verify(folder));
    }

    [Theory]
    [InlineData("\"README.md\"", "\"../README.md\"", "outside")]
    [InlineData("\"README.md\"", "\"/etc/hostname\"", "outside")]
    [InlineData("{", "[", "not a manifest")]
    public void A_manifest_that_is_none_or_leaves_its_folder_is_refused(string from, string to, string kind)
    {
        ModelCardWriter.Write(Report(), Conflicting, folder);
        string path = Path.Combine(folder, ModelManifest.FileName), text = File.ReadAllText(path);
        int at = text.IndexOf(from, StringComparison.Ordinal);
        File.WriteAllText(path, text[..at] + to + text[(at + from.Length)..]);
        string expected = kind == "outside" ? "expected one inside the folder" : kind;
        Assert.Contains(expected, Assert.Throws<MedixException>(() => ModelManifest.Verify(folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_a_manifest_is_said_so() =>
        Assert.Contains("has no medix-manifest.json", Assert.Throws<MedixException>(() => ModelManifest.Verify(folder)).Message, StringComparison.Ordinal);

    private string Card(TrainReport report, LicenseVerdict licenses)
    {
        ModelCardWriter.Write(report, licenses, folder);
        return File.ReadAllText(Path.Combine(folder, "README.md"));
    }

    private static TrainReport Report()
    {
        TrainReport report = FakeReport.Of(3);
        const string Model = "Qwen/Qwen3-VL-8B-Instruct";
        TrainRecipe recipe = report.Recipe with
        {
            Model = new ModelRecipe { Path = Model },
            Data = new DataRecipe { Kind = "parquet", Path = "/cache/hub/datasets--MBZUAI--medix-rl-data/snapshots/01/data" },
        };
        return report with { Recipe = recipe, Model = report.Model with { Path = Model } };
    }

    private static LicensedPart Part(string kind, string license) => new(kind, kind == "data" ? "pictures" : "base", [LicenseTable.Named(license)], "a test", license);
}
