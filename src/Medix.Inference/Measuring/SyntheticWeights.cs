using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Weights;

namespace Medix.Inference.Measuring;

/// <summary>Values of a model's parameters from one table of normal numbers, for measuring at a true size what does not depend on the values.</summary>
public static class SyntheticWeights
{
    private const int TableValues = 1 << 20;

    /// <summary>A reader that keeps no parameters: norms' weights 1, biases 0, matrices scaled so that hidden states keep their size; another place of the table
    /// for each slice.</summary>
    public static WeightReader Of(Qwen3VLConfig config)
    {
        Dictionary<string, ExpectedTensor> tensors = ModelTensors.Of(config).ToDictionary(tensor => tensor.Name);
        SeededRandom random = Seed.Random(1);
        float[] table = [.. Enumerable.Range(0, TableValues).Select(_ => (float)random.NextNormal())];
        return (name, start, values) =>
        {
            ExpectedTensor tensor = tensors[name];
            if (tensor.Shape.Length == 1)
            {
                values.Fill(name.EndsWith("bias", StringComparison.Ordinal) ? 0 : 1);
                return;
            }

            float scale = 1 / MathF.Sqrt(tensor.Shape[1..].Aggregate(1f, (product, side) => product * side));
            int at = (int)(((start * 31) + (name.Length * 7919L)) % TableValues);
            for (int i = 0; i < values.Length; i++, at = (at + 1) % TableValues)
            {
                values[i] = scale * table[at];
            }
        };
    }
}
