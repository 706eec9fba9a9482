using System.Numerics.Tensors;
using Medix.Runs;

namespace Medix.Weights.Adapters;

/// <summary>Adds an adapter to weights, and takes it out again.</summary>
public static class LoraMerge
{
    /// <summary>
    /// Changes a weight's values in place: W + ΔW, with DoRA's row lengths where it has them. A plain weight is [out, in]; fused experts are [E, in, out]
    /// as published, or [E, out, in] where <paramref name="transposed"/>.
    /// </summary>
    public static void Merge(LoraLayer layer, Span<float> weight, bool transposed = false) => Apply(layer, weight, 1, transposed);

    /// <summary>
    /// The opposite of <see cref="Merge"/>, exact to rounding. Throws <see cref="MedixException"/> for DoRA, whose row lengths before the merge are lost.
    /// </summary>
    public static void Unmerge(LoraLayer layer, Span<float> weight, bool transposed = false)
    {
        if (layer.Magnitude is not null)
        {
            throw new MedixException(
                $"The DoRA adapter of '{layer.Parameter}' cannot be taken out of merged weights: merging replaced the rows' lengths. Start from the base model.");
        }

        Apply(layer, weight, -1, transposed);
    }

    private static void Apply(LoraLayer layer, Span<float> weight, float sign, bool transposed)
    {
        int size = checked(layer.Output * layer.Input), experts = Math.Max(layer.Experts, 1);
        if (weight.Length != (long)size * experts)
        {
            throw new ArgumentException($"'{layer.Parameter}' has {weight.Length} values, its adapter is for {(long)size * experts}.", nameof(weight));
        }

        var delta = new float[size];
        for (int expert = 0; expert < experts; expert++)
        {
            Span<float> values = weight.Slice(expert * size, size);
            layer.WriteDelta(expert, delta);
            if (layer.Experts > 0 && !transposed)
            {
                AddTransposed(values, delta, layer, sign);
            }
            else
            {
                TensorPrimitives.MultiplyAdd(delta, sign, values, values);
                SetLengths(layer, values);
            }
        }
    }

    private static void AddTransposed(Span<float> values, float[] delta, LoraLayer layer, float sign)
    {
        for (int i = 0; i < layer.Input; i++)
        {
            for (int o = 0; o < layer.Output; o++)
            {
                values[(i * layer.Output) + o] += sign * delta[(o * layer.Input) + i];
            }
        }
    }

    private static void SetLengths(LoraLayer layer, Span<float> weight)
    {
        for (int row = 0; layer.Magnitude is not null && row < layer.Output; row++)
        {
            Span<float> values = weight.Slice(row * layer.Input, layer.Input);
            TensorPrimitives.Multiply(values, layer.Magnitude[row] / TensorPrimitives.Norm<float>(values), values);
        }
    }
}
