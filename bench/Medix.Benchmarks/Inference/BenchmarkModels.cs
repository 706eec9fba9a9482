using Medix.Imaging;
using Medix.Inference.Generation;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Text;
using Medix.Weights;

namespace Medix.Benchmarks.Inference;

/// <summary>The two models whose rollouts are timed, with random weights, and their prompts.</summary>
internal static class BenchmarkModels
{
    private const int Vocabulary = 2000;
    private const int ImageToken = 1990;

    /// <summary>5 M text decoder: hidden 256, 6 layers, 4 query and 2 key-value heads of 64, MLP 704, tied.</summary>
    public static Qwen3VLConfig Decoder { get; } = new(
        "Qwen3ForCausalLM", new TextConfig(Vocabulary, 256, 6, 4, 2, 64, 704, 1e-6, 5_000_000, null, 4096, true), null, -1, -1, -1, -1, []);

    /// <summary>2.5 M Qwen3-VL: text hidden 128, 6 layers, 4 and 2 heads of 32; vision hidden 96, 4 blocks.</summary>
    public static Qwen3VLConfig Nano { get; } = new(
        "Qwen3VLForConditionalGeneration",
        new TextConfig(Vocabulary, 128, 6, 4, 2, 32, 384, 1e-6, 5_000_000, [6, 5, 5], 4096, true),
        new VisionConfig(4, 96, 4, 384, 128, 16, 2, 2, 3, 256, [0, 1, 2]),
        ImageToken, ImageToken + 1, ImageToken + 2, ImageToken + 3, []);

    /// <summary>A model of this shape with weights drawn from a seed.</summary>
    public static Qwen3VLModel Create(Qwen3VLConfig config, WorkerPool pool)
    {
        Dictionary<string, float[]> parameters = RandomParameters(config);
        return Qwen3VLModel.FromParameters(config, name => parameters[name], WeightStorage.Fp32, pool);
    }

    /// <summary>Parameters by canonical name: matrices scaled so that hidden states keep their size, norms 1.</summary>
    public static Dictionary<string, float[]> RandomParameters(Qwen3VLConfig config)
    {
        SeededRandom random = Seed.Random(1);
        Dictionary<string, float[]> parameters = [];
        foreach (ExpectedTensor tensor in ModelTensors.Of(config))
        {
            long count = tensor.Shape.Aggregate(1L, (a, b) => a * b);
            double scale = tensor.Shape.Length > 1 ? 1 / Math.Sqrt((double)count / tensor.Shape[0]) : 0;
            double offset = tensor.Shape.Length == 1 && tensor.Name.EndsWith("weight", StringComparison.Ordinal) ? 1 : 0;
            float[] values = new float[count];
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = (float)(offset + (scale * random.NextNormal()));
            }

            parameters[tensor.Name] = values;
        }

        return parameters;
    }

    /// <summary>Prompts of one random image (when the model sees) and random text, each with a group of draws.</summary>
    public static IReadOnlyList<GenerationRequest> Prompts(Qwen3VLConfig config, int prompts, int draws, int textTokens)
    {
        SeededRandom random = Seed.Random(2);
        return [.. Enumerable.Range(0, prompts).Select(p => new GenerationRequest(Prompt(config, textTokens, random), [.. Seeds(p, draws)]))];
    }

    private static IEnumerable<ulong> Seeds(int prompt, int draws) => Enumerable.Range(0, draws).Select(draw => Seed.Derive(3, (ulong)prompt, (ulong)draw));

    private static ModelInput Prompt(Qwen3VLConfig config, int textTokens, SeededRandom random)
    {
        int[] text = [.. Enumerable.Range(0, textTokens).Select(_ => random.NextInt(ImageToken))];
        if (config.Vision is not { } vision)
        {
            return new ModelInput(text, [], []);
        }

        ImageGrid grid = new(1, 128 / vision.PatchSize, 128 / vision.PatchSize);
        int[] image = [.. Enumerable.Repeat(config.ImageTokenId, grid.Patches / (vision.SpatialMergeSize * vision.SpatialMergeSize))];
        float[] patches = [.. Enumerable.Range(0, grid.Patches * vision.PatchLength).Select(_ => (float)random.NextDouble(-1, 1))];
        return new ModelInput([.. text[..4], config.VisionStartTokenId, .. image, config.VisionEndTokenId, .. text[4..]], patches, [grid]);
    }
}
