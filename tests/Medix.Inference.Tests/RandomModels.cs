using Medix.Imaging;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Text;
using Medix.Weights;

namespace Medix.Inference.Tests;

/// <summary>Small models of random weights, and inputs for them.</summary>
internal static class RandomModels
{
    public const int Vocabulary = 90;
    public const int ImageToken = 80;

    public static Qwen3VLConfig Seeing { get; } = new(
        "Qwen3VLForConditionalGeneration",
        new TextConfig(Vocabulary, 48, 3, 4, 2, 16, 72, 1e-6, 10_000, [4, 2, 2], 512, true),
        new VisionConfig(3, 24, 2, 40, 48, 4, 2, 2, 3, 64, [0, 2]),
        ImageToken, ImageToken + 1, ImageToken + 2, ImageToken + 3, []);

    public static Qwen3VLModel Create(
        int threads, Qwen3VLConfig? config = null, ulong seed = 1, WeightStorage storage = WeightStorage.Fp32, KeyValueStorage? keysAndValues = null)
    {
        Dictionary<string, float[]> parameters = Parameters(config ?? Seeing, seed);
        WorkerPool pool = threads == 2 ? WorkerPool.Shared : new WorkerPool(threads);
        return Qwen3VLModel.FromParameters(config ?? Seeing, name => parameters[name], storage, pool, keysAndValues);
    }

    public static Dictionary<string, float[]> Parameters(Qwen3VLConfig config, ulong seed)
    {
        SeededRandom random = Seed.Random(seed);
        Dictionary<string, float[]> parameters = [];
        foreach (ExpectedTensor tensor in ModelTensors.Of(config))
        {
            long count = tensor.Shape.Aggregate(1L, (a, b) => a * b);
            double offset = tensor.Shape.Length == 1 && tensor.Name.EndsWith("weight", StringComparison.Ordinal) ? 1 : 0;
            double scale = tensor.Shape.Length == 1 ? 0.1 : 1.5 / Math.Sqrt((double)count / tensor.Shape[0]);
            parameters[tensor.Name] = [.. Enumerable.Range(0, (int)count).Select(_ => (float)(offset + (scale * random.NextNormal())))];
        }

        return parameters;
    }

    public static ModelInput Text(int tokens, ulong seed)
    {
        SeededRandom random = Seed.Random(seed);
        return new ModelInput([.. Enumerable.Range(0, tokens).Select(_ => random.NextInt(ImageToken))], [], []);
    }

    public static ModelInput WithImage(int tokens, int rows, int columns, ulong seed)
    {
        SeededRandom random = Seed.Random(seed);
        VisionConfig vision = Seeing.Vision!;
        ImageGrid grid = new(1, rows, columns);
        float[] patches = [.. Enumerable.Range(0, grid.Patches * vision.PatchLength).Select(_ => (float)random.NextNormal())];
        int[] text = Text(tokens, seed).Tokens;
        int[] image = [.. Enumerable.Repeat(ImageToken, grid.Patches / 4)];
        return new ModelInput([.. text[..2], ImageToken + 2, .. image, ImageToken + 3, .. text[2..]], patches, [grid]);
    }
}
