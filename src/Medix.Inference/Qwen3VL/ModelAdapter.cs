using System.Numerics.Tensors;
using Medix.Inference.Kernels;
using Medix.Runs;
using Medix.Weights.Adapters;

namespace Medix.Inference.Qwen3VL;

/// <summary>Where a parameter's rows are: from output <paramref name="First"/> on in a packed, perhaps stacked matrix.</summary>
internal sealed record WeightPlace(PackedMatrix Matrix, int First, int Rows);

/// <summary>
/// An adapter made ready for one model: several can be ready on one base, and switching between them moves no weights. It stays valid after the base's
/// weights are replaced, except DoRA's lengths, which are of the weights it was made with.
/// </summary>
public sealed class ModelAdapter : IDisposable
{
    private readonly Dictionary<PackedMatrix, LowRankChange> changes = [];

    internal ModelAdapter(LoraAdapter adapter, IReadOnlyDictionary<string, IReadOnlyList<WeightPlace>> places, WorkerPool pool)
    {
        Dictionary<PackedMatrix, List<LowRankPart>> parts = [];
        foreach (LoraLayer layer in adapter.Layers)
        {
            if (!places.TryGetValue(layer.Parameter, out IReadOnlyList<WeightPlace>? found) || found.Count != Math.Max(layer.Experts, 1)
                || found[0].Matrix.K != layer.Input || found[0].Rows != layer.Output)
            {
                throw new MedixException($"The adapter changes '{layer.Parameter}' [{layer.Output}, {layer.Input}], which this model has not. "
                    + $"Use it with the model it was trained on.");
            }

            for (int expert = 0; expert < found.Count; expert++)
            {
                parts.TryAdd(found[expert].Matrix, []);
                parts[found[expert].Matrix].Add(Part(layer, expert, found[expert]));
            }
        }

        foreach ((PackedMatrix matrix, List<LowRankPart> list) in parts)
        {
            changes.Add(matrix, new LowRankChange(matrix.K, [.. list.OrderBy(part => part.First)], pool));
        }
    }

    /// <summary>What this adapter adds to each matrix it changes.</summary>
    internal IReadOnlyDictionary<PackedMatrix, LowRankChange> Changes => changes;

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (LowRankChange change in changes.Values)
        {
            change.Dispose();
        }
    }

    private static LowRankPart Part(LoraLayer layer, int expert, WeightPlace place)
    {
        int experts = Math.Max(layer.Experts, 1);
        float[] a = layer.Experts == 0 ? layer.A : layer.A.AsSpan(expert * layer.Rank * layer.Input, layer.Rank * layer.Input).ToArray();
        float[] b = layer.Experts == 0 ? layer.B : [.. Enumerable.Range(0, layer.Output * layer.Rank).Select(i => layer.B[(i * experts) + expert])];
        return new(place.First, layer.Output, layer.Rank, layer.Scale, a, b, layer.Magnitude is null ? null : Lengthening(layer, place));
    }

    /// <summary>Learned length over the length of the changed row.</summary>
    private static unsafe float[] Lengthening(LoraLayer layer, WeightPlace place)
    {
        var delta = new float[checked(layer.Output * layer.Input)];
        layer.WriteDelta(0, delta);
        var factors = new float[layer.Output];
        var row = new float[layer.Input];
        for (int output = 0; output < layer.Output; output++)
        {
            fixed (float* target = row)
            {
                place.Matrix.CopyRow(place.First + output, target);
            }

            TensorPrimitives.Add(row, delta.AsSpan(output * layer.Input, layer.Input), row);
            factors[output] = layer.Magnitude![output] / TensorPrimitives.Norm<float>(row);
        }

        return factors;
    }
}
