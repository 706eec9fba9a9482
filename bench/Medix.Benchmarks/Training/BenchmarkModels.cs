using Medix.Imaging;
using Medix.Runs;
using Medix.Text;
using Medix.Training.Qwen3VL;
using Medix.Weights;

namespace Medix.Benchmarks.Training;

/// <summary>The shapes that the peers were measured with, and batches for them.</summary>
internal static class BenchmarkModels
{
    /// <summary>A text decoder of 5 M parameters.</summary>
    public static Qwen3VLConfig Decoder { get; } = new(
        "Qwen3ForCausalLM", new(2000, 256, 6, 4, 2, 64, 704, 1e-6, 5_000_000, null, 4096, TieWordEmbeddings: true), null, -1, -1, -1, -1, [1]);

    /// <summary>A Qwen3-VL of 2.5 M parameters, fed one 128 x 128 image and 40 prompt tokens.</summary>
    public static Qwen3VLConfig Nano { get; } = new(
        "Qwen3VLForConditionalGeneration",
        new(2000, 128, 6, 4, 2, 32, 384, 1e-6, 5_000_000, [6, 5, 5], 4096, TieWordEmbeddings: true),
        new(4, 96, 4, 256, 128, 16, 2, 2, 3, 64, [0, 1, 2]), 10, 11, 12, 13, [1]);

    /// <summary>Groups of random prompts and responses.</summary>
    public static TrainingBatch Batch(Qwen3VLConfig config, int groups, int responses, int promptTokens, int responseTokens)
    {
        SeededRandom random = Seed.Random(1);
        int[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextInt(20, config.Text.VocabularySize))];
        return new([.. Enumerable.Range(0, groups).Select(_ => new TrainingGroup(
            Prompt(config, Draw(promptTokens), random), [.. Enumerable.Range(0, responses).Select(_ => Draw(responseTokens))]))]);
    }

    private static ModelInput Prompt(Qwen3VLConfig config, int[] tokens, SeededRandom random)
    {
        if (config.Vision is null)
        {
            return new(tokens, [], []);
        }

        ImageGrid grid = new(1, 8, 8);
        int merged = grid.Patches / 4;
        float[] patches = [.. Enumerable.Range(0, grid.Patches * config.Vision.PatchLength).Select(_ => (float)random.NextDouble(-1, 1))];
        return new([config.VisionStartTokenId, .. Enumerable.Repeat(config.ImageTokenId, merged), config.VisionEndTokenId, .. tokens], patches, [grid]);
    }
}
