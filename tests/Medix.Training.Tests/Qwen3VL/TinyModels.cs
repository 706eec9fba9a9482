using Medix.Imaging;
using Medix.Runs;
using Medix.Text;
using Medix.Training.Qwen3VL;
using Medix.Weights;

namespace Medix.Training.Tests.Qwen3VL;

/// <summary>Models of a few thousand parameters and batches for them.</summary>
internal static class TinyModels
{
    public static Qwen3VLConfig Text { get; } = new(
        "Qwen3ForCausalLM", new(90, 32, 2, 4, 2, 16, 40, 1e-6, 10_000, null, 512, TieWordEmbeddings: true), null, -1, -1, -1, -1, [1]);

    public static Qwen3VLConfig Vision { get; } = new(
        "Qwen3VLForConditionalGeneration",
        new(90, 32, 3, 4, 2, 16, 40, 1e-6, 10_000, [4, 2, 2], 512, TieWordEmbeddings: false),
        new(3, 24, 2, 36, 32, 4, 2, 2, 3, 16, [0, 2]), 80, 81, 82, 83, [1]);

    /// <summary>Weights large enough that attention and MLPs matter.</summary>
    public static Qwen3VLForTraining Create(Qwen3VLConfig config, bool ownKernels = true)
    {
        Qwen3VLForTraining model = Qwen3VLForTraining.Create(config, 7, new() { OwnKernels = ownKernels });
        SeededRandom random = Seed.Random(11);
        Span<float> values = model.Store.ValueSpan;
        foreach (NamedParameter parameter in model.Parameters)
        {
            foreach (ref float value in values.Slice((int)parameter.Offset, (int)parameter.Count))
            {
                value += (float)(0.15 * random.NextNormal());
            }
        }

        return model;
    }

    public static TrainingBatch Batch(Qwen3VLConfig config, params int[][] responseLengths)
    {
        SeededRandom random = Seed.Random(5);
        int[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextInt(2, 80))];
        return new([.. responseLengths.Select((lengths, i) => new TrainingGroup(Prompt(config, Draw(3 + i), i, random), [.. lengths.Select(Draw)]))]);
    }

    /// <summary>Group i has i images, of different grids.</summary>
    private static ModelInput Prompt(Qwen3VLConfig config, int[] tokens, int images, SeededRandom random)
    {
        if (config.Vision is null)
        {
            return new(tokens, [], []);
        }

        ImageGrid[] grids = [.. Enumerable.Range(0, images).Select(i => new ImageGrid(1, 2 + (2 * i), 4))];
        List<int> all = [tokens[0]];
        foreach (ImageGrid grid in grids)
        {
            all.AddRange([config.VisionStartTokenId, .. Enumerable.Repeat(config.ImageTokenId, grid.Patches / 4), config.VisionEndTokenId]);
        }

        int patches = grids.Sum(grid => grid.Patches) * config.Vision.PatchLength;
        return new([.. all, .. tokens[1..]], [.. Enumerable.Range(0, patches).Select(_ => (float)random.NextDouble(-1, 1))], grids);
    }
}
