using Medix.Runs;
using Medix.Weights;

namespace Medix.Core.Tests.Weights;

/// <summary>A model of a few kilobytes with random weights, to be damaged.</summary>
internal static class TinyModel
{
    public static Qwen3VLConfig Config { get; } = new(
        "Qwen3VLForConditionalGeneration",
        new TextConfig(40, 16, 2, 2, 1, 8, 24, 1e-6, 5_000_000, [2, 1, 1], 128, TieWordEmbeddings: true),
        new VisionConfig(2, 8, 2, 12, 16, 4, 2, 2, 3, 9, [0]),
        ImageTokenId: 30, VideoTokenId: 31, VisionStartTokenId: 32, VisionEndTokenId: 33, EosTokenIds: [34]);

    public static List<TensorData> Tensors(Qwen3VLConfig config)
    {
        SeededRandom random = Seed.Random(5);
        return [.. ModelTensors.Of(config).Select(t => TensorData.FromFloat32(t.Name, t.Shape, Values(random, t.Shape)))];
    }

    public static string Save(TempFolder folder, Qwen3VLConfig config, IReadOnlyList<TensorData> tensors)
    {
        ModelConfigWriter.Write(folder.File("config.json"), config, "float32");
        SafetensorsWriter.Write(folder.File("model.safetensors"), tensors);
        return folder.Path;
    }

    private static float[] Values(SeededRandom random, long[] shape)
    {
        float[] values = new float[shape.Aggregate(1L, (product, dimension) => product * dimension)];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)random.NextNormal();
        }

        return values;
    }
}
