using Medix.Runs;
using Medix.Testing;
using Medix.Weights;
using Medix.Weights.Inspection;

namespace Medix.Core.Tests.Weights.Inspection;

public sealed class ModelInspectorTests : IDisposable
{
    private readonly TempFolder folder = new();

    public static TheoryData<string, long, long, long, long, int, long> Published => new()
    {
        // Totals, parts and cache of the published files, to the last one.
        { "2B", 2_127_532_032, 1_720_574_976, 406_957_056, 1_720_574_976, 625, 114_688 },
        { "8B", 8_767_123_696, 8_190_735_360, 576_388_336, 8_190_735_360, 750, 147_456 },
        { "30B", 31_070_754_032, 30_532_122_624, 538_631_408, 3_353_032_704, 882, 98_304 },
    };

    [Theory]
    [MemberData(nameof(Published))]
    public void Index_and_configuration_alone_give_the_published_counts(string size, long total, long text, long vision, long active, int tensors, long cache)
    {
        TrueSizeModels.Save(folder.Path, Config(size), shards: 4, present: _ => false);
        ModelReport report = ModelInspector.Inspect(folder.Path);
        Assert.Equal(new ParameterCounts(total, text, vision, active), report.Parameters);
        Assert.Equal(tensors, report.TensorCount);
        Assert.Equal([new DTypeTotal("BF16", tensors, total, total * 2)], report.DTypes);
        Assert.Equal(new CacheSize(cache, cache * 2), report.Cache);
        Assert.Equal(4, report.MissingShards.Count);
        Assert.Equal(report.Shards, report.MissingShards);
        Assert.Empty(report.Faults);
        Assert.Empty(report.Notes);
    }

    [Fact]
    public void Shards_of_true_size_are_known_by_their_headers_alone()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Files with holes cost their whole length where the file system does not know holes.");
        TrueSizeModels.Save(folder.Path, TrueSizeModels.Vl30B, shards: 13, present: shard => shard != 5);
        ModelReport report = ModelInspector.Inspect(folder.Path);
        Assert.Equal(["model-00006-of-00013.safetensors"], report.MissingShards);
        Assert.Equal(31_070_754_032, report.Parameters.Total);
        Assert.All(report.Tensors!, tensor => Assert.Equal(tensor.Shard != "model-00006-of-00013.safetensors", tensor.Present));
        Assert.Empty(report.Faults);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_index_stands_for_the_checkpoint_that_it_lists(bool present)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Files with holes cost their whole length where the file system does not know holes.");
        TrueSizeModels.Save(folder.Path, TrueSizeModels.Vl30B, shards: 13, present: _ => present);
        string index = folder.File("model.safetensors.index.json");
        ModelReport report = ModelInspector.Inspect(index), whole = ModelInspector.Inspect(folder.Path);
        Assert.Equal((index, ModelKind.LanguageModel, whole.Summary), (report.Path, report.Kind, report.Summary));
        Assert.Equal(whole.Parameters, report.Parameters);
        Assert.Equal(present ? 0 : 13, report.MissingShards.Count);
        Assert.Equal(13, report.Shards.Count);
        Assert.Empty(report.Faults);
    }

    [Fact]
    public void An_index_without_a_configuration_lists_its_tensors()
    {
        SafetensorsWriter.Write(folder.File("a.safetensors"), [TensorData.FromFloat32("a", [2], [1, 2])]);
        File.WriteAllText(folder.File("other.safetensors.index.json"), """{"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}""");
        ModelReport report = ModelInspector.Inspect(folder.File("other.safetensors.index.json"));
        Assert.Equal((ModelKind.Tensors, 2), (report.Kind, report.TensorCount));
        Assert.Equal(["b.safetensors"], report.MissingShards);
        Assert.Equal(2, report.Parameters.Total);
    }

    [Fact]
    public void A_licence_that_is_laxer_than_another_file_says_is_a_note()
    {
        TinyModel.Save(folder, TinyModel.Config, TinyModel.Tensors(TinyModel.Config));
        File.WriteAllText(folder.File("README.md"), "---\nlicense: mit\nbase_model: MBZUAI/MediX-R1-8B\n---\n");
        ModelReport report = ModelInspector.Inspect(folder.Path);
        Assert.Equal("mit", report.Licence!.Name);
        Assert.Contains("README.md says MIT, but it is made of a work under CC-BY-NC-SA-4.0", Assert.Single(report.Notes), StringComparison.Ordinal);
        File.WriteAllText(folder.File("README.md"), "# MediX-R1-8B");
        report = ModelInspector.Inspect(folder.Path);
        Assert.Equal(new LicenceSummary("CC-BY-NC-SA-4.0", "the title of README.md, which is MediX-R1's"), report.Licence);
    }

    [Fact]
    public void A_configuration_alone_is_enough_for_counts()
    {
        ModelConfigWriter.Write(folder.File("config.json"), TrueSizeModels.Vl2B, "bfloat16");
        ModelReport report = ModelInspector.Inspect(folder.Path);
        Assert.Equal(2_127_532_032, report.Parameters.Total);
        Assert.Empty(report.Faults);
        Assert.Contains(report.Notes, note => note.Contains("no weights", StringComparison.Ordinal));
    }

    [Fact]
    public void The_head_is_tied_where_the_weights_lack_it_whatever_the_configuration_says()
    {
        Qwen3VLConfig untied = TinyModel.Config with { Text = TinyModel.Config.Text with { TieWordEmbeddings = false } };
        TinyModel.Save(folder, untied, TinyModel.Tensors(TinyModel.Config));
        ModelReport report = ModelInspector.Inspect(folder.Path);
        Assert.Empty(report.Faults);
        Assert.Contains("tied to the head", report.Summary, StringComparison.Ordinal);
    }

    [Fact]
    public void Faults_name_the_tensor_and_both_shapes_or_types()
    {
        List<TensorData> tensors = TinyModel.Tensors(TinyModel.Config);
        tensors.RemoveAll(tensor => tensor.Name.EndsWith("layers.1.mlp.up_proj.weight", StringComparison.Ordinal));
        int norm = tensors.FindIndex(tensor => tensor.Name == "model.language_model.norm.weight");
        tensors[norm] = TensorData.FromFloat32(tensors[norm].Name, [15], new float[15]);
        int bias = tensors.FindIndex(tensor => tensor.Name == "model.visual.merger.norm.bias");
        tensors[bias] = tensors[bias] with { DType = "I32" };
        TinyModel.Save(folder, TinyModel.Config, tensors);
        IReadOnlyList<string> faults = ModelInspector.Inspect(folder.Path).Faults;
        Assert.Equal(3, faults.Count);
        Assert.Contains(faults, fault => fault.Contains("lack", StringComparison.Ordinal) && fault.Contains("layers.1.mlp.up_proj.weight' [24, 16]", StringComparison.Ordinal));
        Assert.Contains(faults, fault => fault.Contains("norm.weight' has shape [15], but config.json calls for [16]", StringComparison.Ordinal));
        Assert.Contains(faults, fault => fault.Contains("merger.norm.bias' is I32", StringComparison.Ordinal));
    }

    [Fact]
    public void A_wrong_count_of_layers_ends_after_some_faults()
    {
        TinyModel.Save(folder, TinyModel.Config with { Text = TinyModel.Config.Text with { Layers = int.MaxValue } }, TinyModel.Tensors(TinyModel.Config));
        Assert.Equal(ModelReport.MaxFaults, ModelInspector.Inspect(folder.Path).Faults.Count);
        File.Delete(folder.File("model.safetensors"));
        Assert.Contains("number of layers", Assert.Throws<MedixException>(() => ModelInspector.Inspect(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_size_beyond_any_file_is_refused_not_wrapped_round()
    {
        // The patch embedding has 2^80 numbers: zero in 64 bits.
        const int side = 1 << 16;
        VisionConfig vision = TinyModel.Config.Vision! with { Hidden = side, InChannels = side, TemporalPatchSize = side, PatchSize = side };
        ModelConfigWriter.Write(folder.File("config.json"), TinyModel.Config with { Vision = vision }, "bfloat16");
        Assert.Contains("too large", Assert.Throws<MedixException>(() => ModelInspector.Inspect(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_index_and_shards_of_different_revisions_are_faults()
    {
        ModelConfigWriter.Write(folder.File("config.json"), TinyModel.Config, "float32");
        List<TensorData> tensors = TinyModel.Tensors(TinyModel.Config);
        SafetensorsWriter.Write(folder.File("a.safetensors"), tensors);
        string[] places = [.. tensors.Select(tensor => $"\"{tensor.Name}\": \"a.safetensors\""), "\"gone\": \"a.safetensors\""];
        File.WriteAllText(folder.File("model.safetensors.index.json"), $$"""{"metadata": {"total_size": 1}, "weight_map": { {{string.Join(",", places)}} } }""");
        ModelReport report = ModelInspector.Inspect(folder.Path);
        Assert.Contains("'gone' in 'a.safetensors'", Assert.Single(report.Faults), StringComparison.Ordinal);
        Assert.Contains("1 bytes in all", Assert.Single(report.Notes), StringComparison.Ordinal);
        File.WriteAllText(folder.File("model.safetensors.index.json"), """{"weight_map": {"w": "../a.safetensors"}}""");
        Assert.Contains("../a.safetensors", Assert.Throws<MedixException>(() => ModelInspector.Inspect(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}""", "LlamaForCausalLM")]
    [InlineData("""{"model_type": "mamba"}""", "mamba")]
    [InlineData("{}", "missing")]
    public void An_unknown_architecture_lists_the_known(string config, string named)
    {
        File.WriteAllText(folder.File("config.json"), config);
        string message = Assert.Throws<MedixException>(() => ModelInspector.Inspect(folder.Path)).Message;
        Assert.Contains($"'{named}'", message, StringComparison.Ordinal);
        Assert.All(ModelInspector.KnownArchitectures, known => Assert.Contains(known, message, StringComparison.Ordinal));
        Assert.Equal(6, ModelInspector.KnownArchitectures.Count);
    }

    [Fact]
    public void Half_a_surrogate_pair_in_a_file_is_an_error_that_names_the_folder()
    {
        ModelConfigWriter.Write(folder.File("config.json"), TinyModel.Config, "float32");
        File.WriteAllText(folder.File("model.safetensors.index.json"), """{"weight_map": {"w": "\ud800"}}""");
        Assert.Contains(folder.Path, Assert.Throws<MedixException>(() => ModelInspector.Inspect(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plain_file_is_a_table()
    {
        SafetensorsWriter.Write(folder.File("x.safetensors"), [TensorData.FromFloat32("a", [2, 3], new float[6]), new TensorData("b", "I64", [1], new byte[8])]);
        ModelReport report = ModelInspector.Inspect(folder.File("x.safetensors"));
        Assert.Equal((ModelKind.Tensors, 7L), (report.Kind, report.Parameters.Total));
        TensorEntry a = Assert.Single(report.Tensors!, tensor => tensor.Name == "a");
        Assert.Equal(("F32", 24L, "x.safetensors", true), (a.DType, a.Bytes, a.Shard, a.Present));
        Assert.Equal([2L, 3L], a.Shape);
        SafetensorsWriter.Write(folder.File("y.safetensors"), [TensorData.FromFloat32("a", [1], [1])]);
        ModelReport both = ModelInspector.Inspect(folder.Path);
        Assert.Equal((3, 0), (both.TensorCount, both.Faults.Count));
    }

    [Fact]
    public void A_broken_adapter_still_shows_its_tensors()
    {
        SafetensorsWriter.Write(folder.File("adapter_model.safetensors"), [TensorData.FromFloat32("a", [1], [1])]);
        File.WriteAllText(folder.File("adapter_config.json"), """{"peft_type": "LOHA"}""");
        ModelReport report = ModelInspector.Inspect(folder.Path);
        Assert.Equal((ModelKind.Adapter, 1), (report.Kind, report.TensorCount));
        Assert.Contains("LOHA", Assert.Single(report.Faults), StringComparison.Ordinal);
    }

    [Fact]
    public void Empty_and_absent_places_say_what_to_name()
    {
        Assert.Contains("Name the folder", Assert.Throws<MedixException>(() => ModelInspector.Inspect(folder.Path)).Message, StringComparison.Ordinal);
        Assert.Contains("/nowhere", Assert.Throws<MedixException>(() => ModelInspector.Inspect("/nowhere")).Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Parity")]
    public void Every_model_and_adapter_of_the_goldens_is_read_without_a_fault()
    {
        string root = SharedFiles.Require("goldens", "models");
        string[] models = [.. Directory.GetFiles(root, "*config.json", SearchOption.AllDirectories).Select(path => Path.GetDirectoryName(path)!).Distinct()];
        Assert.NotEmpty(models);
        foreach (string model in models)
        {
            ModelReport report = ModelInspector.Inspect(model);
            Assert.True(report.Faults.Count == 0, $"{model}: {string.Join(" ", report.Faults)}");
            Assert.NotEqual(ModelKind.Tensors, report.Kind);
            Assert.Empty(report.MissingShards);
            Assert.Equal(report.Parameters.Total, report.DTypes.Sum(type => type.Parameters));
            Assert.Equal(report.Kind == ModelKind.LanguageModel, report.Cache is not null);
        }
    }

    [Fact]
    [Trait("Category", "Parity")]
    public void Published_embedders_are_told_apart()
    {
        ModelReport report = ModelInspector.Inspect(SharedFiles.Require("data", "weights-minilm"));
        Assert.Equal((ModelKind.Encoder, "BertModel", 22_713_216L, 103), (report.Kind, report.Architecture, report.Parameters.Total, report.TensorCount));
        Assert.Equal(("WordPiece", 30522, false), (report.Tokenizer!.Kind, report.Tokenizer.Vocabulary, report.Tokenizer.ChatTemplate));
        Assert.Empty(report.Faults);
        report = ModelInspector.Inspect(SharedFiles.Require("data", "weights-model2vec", "test-model-float32"));
        Assert.Equal((ModelKind.StaticEmbedder, 29528), (report.Kind, report.Tokenizer!.Vocabulary));
        report = ModelInspector.Inspect(SharedFiles.Require("data", "weights-glove-vqarad"));
        Assert.Equal((ModelKind.WordVectors, "mit"), (report.Kind, report.Licence!.Name));
    }

    public void Dispose() => folder.Dispose();

    private static Qwen3VLConfig Config(string size) => size switch { "2B" => TrueSizeModels.Vl2B, "8B" => TrueSizeModels.Vl8B, _ => TrueSizeModels.Vl30B };
}
