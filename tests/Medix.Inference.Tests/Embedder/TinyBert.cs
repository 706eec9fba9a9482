using System.Globalization;
using System.Runtime.InteropServices;
using Medix.Runs;
using Medix.Weights;
using Medix.Weights.Encoders;

namespace Medix.Inference.Tests.Embedder;

/// <summary>Folders of small BERT models with random weights.</summary>
internal static class TinyBert
{
    public static readonly BertConfig Config = new(Words.Length + 5, 20, 2, 4, 28, 16, 2, 1e-12, BertActivation.Gelu);

    private static string[] Words => ["left", "right", "lung", "effusion", "no", "mass", "in", "the", "##s", "##al"];

    /// <summary>Writes a plain BERT folder.</summary>
    public static Dictionary<string, float[]> Write(
        string folder, BertConfig? shape = null, string dtype = "F32", Func<string, string>? rename = null, string activation = "gelu", ulong seed = 1)
    {
        BertConfig config = shape ?? Config;
        File.WriteAllLines(Path.Combine(folder, "vocab.txt"), ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", .. Words]);
        WriteConfig(folder, config, activation);
        SeededRandom random = Seed.Random(seed);
        Dictionary<string, float[]> parameters = [];
        List<TensorData> tensors = [];
        foreach (ExpectedTensor tensor in BertTensors.Of(config).Concat(BertTensors.PoolerOf(config)))
        {
            bool norm = tensor.Name.EndsWith("LayerNorm.weight", StringComparison.Ordinal);
            float[] values = [.. Enumerable.Range(0, (int)tensor.Shape.Aggregate(1L, (a, b) => a * b)).Select(_ => (float)((norm ? 1 : 0) + (0.3 * random.NextNormal())))];
            byte[] bytes = Bytes(values, dtype);
            parameters[tensor.Name] = values;
            tensors.Add(new TensorData(rename?.Invoke(tensor.Name) ?? tensor.Name, dtype, tensor.Shape, bytes));
        }

        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), tensors);
        return parameters;
    }

    public static void WriteConfig(string folder, BertConfig config, string activation = "gelu", string extra = "") => File.WriteAllText(
        Path.Combine(folder, "config.json"),
        string.Create(
            CultureInfo.InvariantCulture,
            $$"""
            {"architectures": ["BertModel"], "model_type": "bert", "vocab_size": {{config.VocabularySize}}, "hidden_size": {{config.Hidden}}, {{extra}}
            "num_hidden_layers": {{config.Layers}}, "num_attention_heads": {{config.Heads}}, "intermediate_size": {{config.Intermediate}},
            "max_position_embeddings": {{config.MaxPositions}}, "type_vocab_size": {{config.TypeVocabulary}}, "layer_norm_eps": 1e-12, "hidden_act": "{{activation}}"}
            """));

    /// <summary>Makes the folder a sentence-transformers one.</summary>
    public static void AddModules(string folder, string pooling, bool normalize, int maxTokens = 16)
    {
        string last = normalize ? """, {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}""" : "";
        File.WriteAllText(
            Path.Combine(folder, "modules.json"),
            $$"""
            [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}{{last}}]
            """);
        Directory.CreateDirectory(Path.Combine(folder, "1_Pooling"));
        File.WriteAllText(Path.Combine(folder, "1_Pooling", "config.json"), $$"""{"word_embedding_dimension": 20, {{pooling}}}""");
        File.WriteAllText(Path.Combine(folder, "sentence_bert_config.json"), $$"""{"max_seq_length": {{maxTokens}}, "do_lower_case": false}""");
    }

    private static byte[] Bytes(float[] values, string dtype)
    {
        switch (dtype)
        {
            case "F16":
                Half[] halves = Array.ConvertAll(values, value => (Half)value);
                Array.ConvertAll(halves, value => (float)value).CopyTo(values, 0);
                return MemoryMarshal.AsBytes(halves.AsSpan()).ToArray();
            case "BF16":
                ushort[] upper = Array.ConvertAll(values, value => (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
                Array.ConvertAll(upper, value => BitConverter.UInt32BitsToSingle((uint)value << 16)).CopyTo(values, 0);
                return MemoryMarshal.AsBytes(upper.AsSpan()).ToArray();
            default:
                return MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
        }
    }
}
