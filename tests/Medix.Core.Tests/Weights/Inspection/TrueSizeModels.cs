using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Medix.Weights;

namespace Medix.Core.Tests.Weights.Inspection;

/// <summary>The published models' shapes, and folders of true size that hold no weights: shards are headers and a hole.</summary>
internal static class TrueSizeModels
{
    public static Qwen3VLConfig Vl2B { get; } = Make(
        "Qwen3VLForConditionalGeneration", new(151936, 2048, 28, 16, 8, 128, 6144, 1e-6, 5e6, [24, 20, 20], 262144, true), Tower(24, 1024, 4096, 2048, [5, 11, 17]));

    public static Qwen3VLConfig Vl8B { get; } = Make(
        "Qwen3VLForConditionalGeneration", new(151936, 4096, 36, 32, 8, 128, 12288, 1e-6, 5e6, [24, 20, 20], 262144, false), Tower(27, 1152, 4304, 4096, [8, 16, 24]));

    public static Qwen3VLConfig Vl30B { get; } = Make(
        "Qwen3VLMoeForConditionalGeneration",
        new(151936, 2048, 48, 32, 4, 128, 6144, 1e-6, 5e6, [24, 20, 20], 262144, false, 128, 8, 768, []),
        Tower(27, 1152, 4304, 2048, [8, 16, 24]));

    /// <summary>Writes configuration and index, and those shards that <paramref name="present"/> chooses, each of its true length.</summary>
    public static void Save(string folder, Qwen3VLConfig config, int shards, Func<int, bool> present)
    {
        ModelConfigWriter.Write(Path.Combine(folder, "config.json"), config, "bfloat16");
        ExpectedTensor[] tensors = [.. ModelTensors.Of(config)];
        JsonObject map = [];
        for (int shard = 0; shard < shards; shard++)
        {
            string name = $"model-{shard + 1:00000}-of-{shards:00000}.safetensors";
            ExpectedTensor[] own = [.. tensors.Where((_, i) => i * shards / tensors.Length == shard)];
            foreach (ExpectedTensor tensor in own)
            {
                map[tensor.Name] = name;
            }

            if (present(shard))
            {
                WriteHole(Path.Combine(folder, name), own);
            }
        }

        JsonObject index = new() { ["metadata"] = new JsonObject { ["total_size"] = tensors.Sum(Bytes) }, ["weight_map"] = map };
        File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"), index.ToJsonString());
    }

    private static void WriteHole(string path, ExpectedTensor[] tensors)
    {
        JsonObject header = [];
        long at = 0;
        foreach (ExpectedTensor tensor in tensors)
        {
            long end = at + Bytes(tensor);
            header[tensor.Name] = new JsonObject
            {
                ["dtype"] = "BF16", ["shape"] = JsonSerializer.SerializeToNode(tensor.Shape), ["data_offsets"] = new JsonArray(at, end),
            };
            at = end;
        }

        byte[] json = Encoding.UTF8.GetBytes(header.ToJsonString());
        using FileStream file = File.Create(path);
        file.Write(BitConverter.GetBytes((ulong)json.Length));
        file.Write(json);
        file.SetLength(file.Position + at);
    }

    private static long Bytes(ExpectedTensor tensor) => 2 * tensor.Shape.Aggregate(1L, (product, dimension) => product * dimension);

    private static VisionConfig Tower(int depth, int hidden, int intermediate, int output, int[] deepstack) =>
        new(depth, hidden, 16, intermediate, output, 16, 2, 2, 3, 2304, deepstack);

    private static Qwen3VLConfig Make(string architecture, TextConfig text, VisionConfig vision) =>
        new(architecture, text, vision, 151655, 151656, 151652, 151653, [151645, 151643]);
}
