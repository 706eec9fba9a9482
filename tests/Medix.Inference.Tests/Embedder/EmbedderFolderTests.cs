using System.Text;
using Medix.Inference.Embedder;
using Medix.Runs;
using Medix.Weights;
using Medix.Weights.Encoders;

namespace Medix.Inference.Tests.Embedder;

/// <summary>Folders that cannot be used, and what the user is told.</summary>
public sealed class EmbedderFolderTests : IDisposable
{
    private readonly TestFolder folder = new();

    [Fact]
    public void A_missing_tensor_is_named_with_its_shape()
    {
        TinyBert.Write(folder.Path, rename: name => name == "encoder.layer.1.intermediate.dense.weight" ? "other" : name);
        Refused("'encoder.layer.1.intermediate.dense.weight' [28, 20]");
    }

    [Fact]
    public void A_misshapen_tensor_is_named_with_both_shapes()
    {
        TinyBert.Write(folder.Path);
        TinyBert.WriteConfig(folder.Path, TinyBert.Config with { Intermediate = 32 });
        Refused("'encoder.layer.0.intermediate.dense.weight' has shape [28, 20]", "[32, 20]");
    }

    [Fact]
    public void Absurd_sizes_cost_no_memory()
    {
        TinyBert.Write(folder.Path);
        TinyBert.WriteConfig(folder.Path, TinyBert.Config with { Layers = 2_000_000_000, Intermediate = 2_000_000_000 });
        Refused("[2000000000, 20]");
    }

    [Fact]
    public void A_pickle_is_refused_with_the_reason()
    {
        TinyBert.Write(folder.Path);
        File.Move(folder.File("model.safetensors"), folder.File("pytorch_model.bin"));
        Refused("pytorch_model.bin", "runs whatever program it holds");
    }

    [Theory]
    [InlineData("""{"architectures": ["RobertaModel"], "model_type": "roberta"}""", "'RobertaModel'", "BertModel")]
    [InlineData("""{"model_type": "distilbert"}""", "'distilbert'", "StaticModel")]
    [InlineData("""{}""", "'missing'", "BertModel")]
    public void An_unknown_architecture_lists_the_known(string config, string named, string known)
    {
        File.WriteAllText(folder.File("config.json"), config);
        Refused(named, known);
    }

    [Theory]
    [InlineData("\"position_embedding_type\": \"relative_key\",", "relative_key")]
    [InlineData("\"is_decoder\": true,", "is_decoder")]
    public void A_setting_that_is_not_implemented_is_refused(string extra, string named)
    {
        TinyBert.Write(folder.Path);
        TinyBert.WriteConfig(folder.Path, TinyBert.Config, extra: extra);
        Refused(named);
    }

    [Theory]
    [InlineData("\"pooling_mode_mean_tokens\": true, \"pooling_mode_cls_token\": true", "cls_token and mean_tokens")]
    [InlineData("\"pooling_mode_lasttoken\": true", "lasttoken")]
    [InlineData("\"x\": 1", "not set")]
    public void A_pooling_that_is_not_implemented_is_refused(string pooling, string named)
    {
        TinyBert.Write(folder.Path);
        TinyBert.AddModules(folder.Path, pooling, normalize: true);
        Refused(named);
    }

    [Theory]
    [InlineData("""[{"path": "", "type": "a.Transformer"}, {"path": "1_Pooling", "type": "a.Pooling"}, {"path": "2_Dense", "type": "a.Dense"}]""", "Transformer, Pooling, Dense")]
    [InlineData("""[{"path": "../other", "type": "a.Transformer"}, {"path": "1_Pooling", "type": "a.Pooling"}]""", "'../other'")]
    [InlineData("""[{"path": "/etc", "type": "a.Transformer"}, {"path": "1_Pooling", "type": "a.Pooling"}]""", "'/etc'")]
    [InlineData("{}", "modules.json")]
    public void Modules_that_are_not_implemented_are_refused(string modules, string named)
    {
        TinyBert.Write(folder.Path);
        File.WriteAllText(folder.File("modules.json"), modules);
        Refused(named);
    }

    [Fact]
    public void A_tokenizer_of_another_model_is_refused()
    {
        TinyBert.Write(folder.Path, TinyBert.Config with { VocabularySize = 9 });
        Refused("reach 14", "vocab_size 9");
    }

    [Fact]
    public void A_weight_that_is_not_a_number_is_found()
    {
        Dictionary<string, float[]> parameters = TinyBert.Write(folder.Path);
        string path = folder.File("model.safetensors");
        byte[] bytes = File.ReadAllBytes(path);
        byte[] value = BitConverter.GetBytes(parameters["encoder.layer.1.output.dense.weight"][5]);
        value.AsSpan().CopyTo(bytes.AsSpan(bytes.AsSpan().IndexOf(value)));
        BitConverter.GetBytes(float.NaN).CopyTo(bytes, bytes.AsSpan().IndexOf(value));
        File.WriteAllBytes(path, bytes);
        Refused("'encoder.layer.1.output.dense.weight' has NaN at index 5");
    }

    [Fact]
    public void What_is_no_embedder_says_what_would_be()
    {
        Refused("modules.json", "config.json", "dictionary.json");
        Assert.Contains("no embedder folder", Assert.Throws<MedixException>(() => EmbedderFolder.Open(folder.File("nowhere"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Word_vectors_come_as_npy_or_safetensors()
    {
        File.WriteAllText(folder.File("dictionary.json"), """[{"lung": 1, "Left": 0, "none": 2}, ["Left", "lung", "none"]]""");
        float[] table = [3, 4, 0, 2, 0, 0];
        WriteNpy("<f4", "(3, 2)", table);
        CheckWords();
        SafetensorsWriter.Write(folder.File("vectors.safetensors"), [TensorData.FromFloat32("w", [3, 2], table)]);
        CheckWords();
    }

    [Theory]
    [InlineData("<f8", "(3, 2)", "'<f4'")]
    [InlineData("|O", "(3, 2)", "'<f4'")]
    [InlineData("<f4", "(6,)", "two sizes")]
    [InlineData("<f4", "(99999999999, 99999)", "99999999999 x 99999")]
    [InlineData("<f4", "(3, 0)", "3 x 0")]
    public void Other_npy_files_are_refused(string type, string shape, string named)
    {
        WriteNpy(type, shape, new float[6]);
        Assert.Contains(named, Assert.Throws<MedixException>(() => NpyFile.ReadMatrix(folder.File("v.npy"), out _)).Message, StringComparison.Ordinal);
        File.WriteAllBytes(folder.File("v.npy"), [1, 2, 3]);
        Assert.Contains(".npy", Assert.Throws<MedixException>(() => NpyFile.ReadMatrix(folder.File("v.npy"), out _)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => folder.Dispose();

    private void CheckWords()
    {
        using LocalEmbedder embedder = EmbedderFolder.Open(folder.Path);
        IReadOnlyList<TextEmbedding> texts = embedder.Embed(["Left?", "the LUNG none", "left", "Left lung"], TestContext.Current.CancellationToken);
        Assert.Equal([0.6f, 0.8f], texts[0].Vector);
        Assert.Equal([0f, 1f], texts[1].Vector);
        Assert.Equal((0, 0f), (texts[2].Tokens, texts[2].Vector.Sum()));
        Assert.Equal(2, texts[3].Tokens);
    }

    private void WriteNpy(string type, string shape, float[] values)
    {
        byte[] header = Encoding.ASCII.GetBytes($"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}\n");
        byte[] bytes = new byte[values.Length * sizeof(float)];
        Buffer.BlockCopy(values, 0, bytes, 0, bytes.Length);
        File.WriteAllBytes(folder.File("v.npy"), [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. header, .. bytes]);
    }

    private void Refused(params string[] parts)
    {
        string message = Assert.Throws<MedixException>(() => EmbedderFolder.Open(folder.Path)).Message;
        Assert.All(parts, part => Assert.Contains(part, message, StringComparison.Ordinal));
        Assert.Contains(folder.Path, message, StringComparison.Ordinal);
    }
}
