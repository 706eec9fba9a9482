using Medix.Runs;
using Medix.Weights;

namespace Medix.Training.Qwen3VL;

/// <summary>The weights of a new model.</summary>
internal static class InitialWeights
{
    /// <summary>The published models' <c>initializer_range</c>.</summary>
    private const double Deviation = 0.02;

    public static float[] For(NamedParameter parameter, Qwen3VLConfig config, ulong seed)
    {
        float[] values = new float[parameter.Count];
        if (parameter.Shape.Count == 1)
        {
            Array.Fill(values, parameter.Name.EndsWith(".bias", StringComparison.Ordinal) ? 0f : 1f);
            return values;
        }

        double deviation = Deviation / DepthFactor(parameter.Name, config);
        SeededRandom random = Seed.Random(seed, Seed.Of(parameter.Name));
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)(deviation * random.NextNormal());
        }

        return values;
    }

    /// <summary>What is added to the residual stream in every layer starts smaller, so that the stream keeps its size (GPT-2, Radford et al. 2019).</summary>
    private static double DepthFactor(string name, Qwen3VLConfig config)
    {
        bool text = name.EndsWith("o_proj.weight", StringComparison.Ordinal) || name.EndsWith("down_proj.weight", StringComparison.Ordinal)
            || name.EndsWith("experts.down_proj", StringComparison.Ordinal);
        bool vision = name.EndsWith("attn.proj.weight", StringComparison.Ordinal) || name.EndsWith("mlp.linear_fc2.weight", StringComparison.Ordinal);
        return text ? Math.Sqrt(2.0 * config.Text.Layers) : vision ? Math.Sqrt(2.0 * config.Vision!.Depth) : 1;
    }
}
