using System.IO.Compression;
using System.Text.Json.Nodes;
using Medix.Core.Tests.Weights;
using Medix.Runs;
using Medix.Testing;
using Medix.Weights;
using Medix.Weights.Creation;
using Medix.Weights.Inspection;

namespace Medix.Core.Tests.Inspection;

public sealed class ModelInspectionTests
{
    [Fact]
    public void An_index_without_its_shards_tells_the_published_totals()
    {
        using TempFolder temp = new();
        Qwen3VLConfig config = ModelPresets.Find("qwen3-vl-30b-a3b")!;
        ModelConfigWriter.Write(temp.File("config.json"), config, "bfloat16");
        ExpectedTensor[] plan = [.. ModelTensors.Of(config)];
        JsonObject map = new(plan.Select((tensor, i) => KeyValuePair.Create(tensor.Name, (JsonNode?)JsonValue.Create($"model-{(i % 13) + 1:00000}-of-00013.safetensors"))));
        File.WriteAllText(temp.File("model.safetensors.index.json"), new JsonObject { ["weight_map"] = map }.ToJsonString());
        ModelInspection model = ModelInspection.Of(temp.Path);
        Assert.Equal(new InspectedParameters(31_070_754_032, 30_532_122_624, 538_631_408, null), model.Parameters with { ActivePerToken = null });
        Assert.Equal(13, model.MissingFiles.Count);
        Assert.Equal(882, model.Tensors.Count);
        Assert.Equal(98_304, model.KeyValueBytesPerToken);
        Assert.InRange(model.Parameters.ActivePerToken!.Value, 3_000_000_000, 3_700_000_000);
    }

    [Fact]
    public void Real_folders_of_every_kind_are_told_apart()
    {
        string data = SharedFiles.Require("data"), models = SharedFiles.Require("goldens", "models");
        Assert.Equal("encoder", ModelInspection.Of(Path.Combine(data, "weights-minilm")).Kind);
        Assert.Equal("WordPiece", ModelInspection.Of(Path.Combine(data, "weights-minilm")).Tokenizer!.Kind);
        Assert.All(Directory.GetDirectories(Path.Combine(models, "lora")), folder => Assert.Equal("adapter", ModelInspection.Of(Path.Combine(folder, "adapter")).Kind));
        foreach (string folder in Directory.GetDirectories(models)
            .Where(folder => File.Exists(Path.Combine(folder, "model.safetensors")) && !folder.EndsWith("bert", StringComparison.Ordinal)))
        {
            ModelInspection model = ModelInspection.Of(folder);
            using Checkpoint checkpoint = Checkpoint.Open(folder);
            Assert.Equal(checkpoint.Names.Count, model.Tensors.Count);
            Assert.Equal(model.Parameters.Total, model.Tensors.Sum(tensor => tensor.Count));
            Assert.Empty(model.MissingFiles);
        }
    }

    [Theory]
    [InlineData("model.pt", new byte[] { 0x80, 2, 0x8a })]
    [InlineData("weights.safetensors", new byte[] { 0x80, 4, 0x95 })]
    public void A_pickle_is_refused_with_the_reason_whatever_its_name(string name, byte[] content)
    {
        using TempFolder temp = new();
        File.WriteAllBytes(temp.File(name), content);
        MedixException error = Assert.Throws<MedixException>(() => ModelInspection.Of(temp.File(name)));
        Assert.Contains("runs whatever program it holds", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_with_nothing_but_a_torch_archive_is_refused()
    {
        using TempFolder temp = new();
        using (ZipArchive archive = ZipFile.Open(temp.File("pytorch_model.bin"), ZipArchiveMode.Create))
        {
            archive.CreateEntry("archive/data.pkl");
        }

        Assert.Contains("pytorch_model.bin", Assert.Throws<MedixException>(() => ModelInspection.Of(temp.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_architecture_lists_the_known_ones()
    {
        using TempFolder temp = new();
        File.WriteAllText(temp.File("config.json"), """{"architectures":["LlavaForConditionalGeneration"],"model_type":"llava"}""");
        string message = Assert.Throws<MedixException>(() => ModelInspection.Of(temp.Path)).Message;
        Assert.Contains("Llava", message, StringComparison.Ordinal);
        Assert.Contains("Qwen3VLMoeForConditionalGeneration", message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_licence_comes_from_the_card_then_from_the_licence_file()
    {
        using TempFolder temp = new();
        Assert.Null(FolderTexts.Licence(temp.Path));
        File.WriteAllText(temp.File("LICENSE"), "\n  Apache License\nVersion 2.0");
        Assert.Equal("Apache License", FolderTexts.Licence(temp.Path));
        File.WriteAllText(temp.File("README.md"), "---\nlicense: \"cc-by-nc-sa-4.0\"\n---\n# Title\nlicense: no");
        Assert.Equal("cc-by-nc-sa-4.0", FolderTexts.Licence(temp.Path));
    }
}
