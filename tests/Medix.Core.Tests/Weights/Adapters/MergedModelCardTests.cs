using Medix.Core.Tests.Weights;
using Medix.Runs;
using Medix.Weights;
using Medix.Weights.Adapters;

namespace Medix.Core.Tests.Adapters;

/// <summary>What lies beside merged weights: a card of their own and everybody's licence.</summary>
public sealed class MergedModelCardTests : IDisposable
{
    private readonly TempFolder model = new();
    private readonly TempFolder adapter = new();
    private readonly TempFolder results = new();

    private const string BaseLicense = "Apache License\nVersion 2.0, January 2004";
    private const string AdapterLicense = "Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International";

    public MergedModelCardTests()
    {
        TinyModel.Save(model, TinyModel.Config, TinyModel.Tensors(TinyModel.Config));
        File.WriteAllText(model.File("README.md"), "---\nlicense: apache-2.0\n---\n# The base\n\n98 % right.\n");
        File.WriteAllText(model.File("LICENSE"), BaseLicense);
        File.WriteAllText(model.File("NOTICE.txt"), "the base's notice");
        File.WriteAllText(adapter.File("README.md"), "---\nlicense: cc-by-nc-sa-4.0\n---\n# The adapter\n\n99 % right.\n");
        File.WriteAllText(adapter.File("LICENSE"), AdapterLicense);
        Adapter(3).Save(adapter.Path, TinyModel.Config);
    }

    public void Dispose()
    {
        model.Dispose();
        adapter.Dispose();
        results.Dispose();
    }

    [Fact]
    public void The_card_is_the_merged_models_own()
    {
        string card = Merge("merged");
        Assert.DoesNotContain("% right", card, StringComparison.Ordinal);
        Assert.Contains("# merged\n\n**This model is a research artefact, not for clinical use.**", card, StringComparison.Ordinal);
        Assert.Contains(Path.GetFileName(adapter.Path), card, StringComparison.Ordinal);
        Assert.Contains(MergeRecord.IdOf(adapter.Path), card, StringComparison.Ordinal);
        Assert.Contains("| base | " + Path.GetFileName(model.Path) + " | Apache-2.0 | README.md", card, StringComparison.Ordinal);
        Assert.Contains("| CC-BY-NC-SA-4.0 | README.md", card, StringComparison.Ordinal);
        Assert.DoesNotContain(Path.GetDirectoryName(model.Path)! + "/", card, StringComparison.Ordinal);
        CardFrontMatter matter = CardFrontMatter.Parse(card);
        Assert.Equal(["cc-by-nc-sa-4.0"], matter["license"]);
        Assert.Equal([Path.GetFileName(model.Path)], matter["base_model"]);
        Assert.Contains("not-for-clinical-use", matter["tags"]);
    }

    [Fact]
    public void Both_parts_licence_files_go_along()
    {
        Merge("merged");
        string[] names = [.. Directory.GetFiles(results.File("merged")).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];
        Assert.Equal(["LICENSE", "LICENSE-adapter", "NOTICE.txt", "README.md", "config.json", "model.safetensors"], names);
        Assert.Equal(BaseLicense, File.ReadAllText(Path.Combine(results.File("merged"), "LICENSE")));
        Assert.Equal(AdapterLicense, File.ReadAllText(Path.Combine(results.File("merged"), "LICENSE-adapter")));
    }

    [Fact]
    public void A_second_adapters_licence_has_a_place_of_its_own_and_the_firsts_terms_stay()
    {
        Merge("one");
        using TempFolder second = new();
        Adapter(4).Save(second.Path, TinyModel.Config);
        File.WriteAllText(second.File("LICENSE"), "the second's words");
        AdapterFolders.Merge(results.File("one"), second.Path, results.File("two"), TestContext.Current.CancellationToken);
        Assert.Equal(AdapterLicense, File.ReadAllText(Path.Combine(results.File("two"), "LICENSE-adapter")));
        Assert.Equal("the second's words", File.ReadAllText(Path.Combine(results.File("two"), "LICENSE-adapter-2")));
        string card = File.ReadAllText(Path.Combine(results.File("two"), "README.md"));
        string row = Assert.Single(card.Split('\n'), line => line.StartsWith("| base | one |", StringComparison.Ordinal));
        Assert.Contains("CC-BY-NC-SA-4.0", row, StringComparison.Ordinal);
        Assert.Equal(["other"], CardFrontMatter.Parse(card)["license"]); // nobody knows the second's words
        Assert.DoesNotContain("in the recipe", card, StringComparison.Ordinal); // there is none
    }

    [Fact]
    public void Taking_the_adapter_out_again_says_so_and_gives_the_weights_back()
    {
        Merge("merged");
        AdapterFolders.Unmerge(results.File("merged"), adapter.Path, results.File("back"), TestContext.Current.CancellationToken);
        string card = File.ReadAllText(Path.Combine(results.File("back"), "README.md"));
        Assert.Contains("taken out of its weights", card, StringComparison.Ordinal);
        using Checkpoint before = Checkpoint.Open(model.Path), after = Checkpoint.Open(results.File("back"));
        Assert.All(before.Names, name => Assert.All(before.ReadFloat32(name).Zip(after.ReadFloat32(name)), pair => Assert.Equal(pair.First, pair.Second, 1e-5f)));
    }

    [Theory]
    [InlineData("/home/someone/models/mine", "mine")]
    [InlineData("Qwen/Qwen3-VL-8B-Instruct", "Qwen/Qwen3-VL-8B-Instruct")]
    public void An_adapters_settings_name_no_folder_of_this_machine(string path, string expected)
    {
        using TempFolder saved = new();
        LoraAdapter lora = Adapter(3);
        (lora with { Config = lora.Config with { BaseModel = path } }).Save(saved.Path, TinyModel.Config);
        Assert.Equal(expected, LoraConfigFile.Read(saved.File(LoraConfigFile.Name)).BaseModel);
    }

    private string Merge(string name)
    {
        AdapterFolders.Merge(model.Path, adapter.Path, results.File(name), TestContext.Current.CancellationToken);
        return File.ReadAllText(Path.Combine(results.File(name), "README.md"));
    }

    private static LoraAdapter Adapter(ulong seed)
    {
        LoraTarget target = LoraTargetPlan.All(TinyModel.Config).First(t => t.Path.EndsWith("q_proj", StringComparison.Ordinal));
        SeededRandom random = Seed.Random(seed);
        float[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.NextNormal())];
        LoraConfig config = new(2, 2, new LoraTargets(["q_proj"]));
        return new LoraAdapter(config, [new LoraLayer(target.Parameter, 2, 1, target.Input, target.Output, Draw(2 * target.Input), Draw(2 * target.Output))]);
    }
}
