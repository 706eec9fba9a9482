using System.Globalization;
using Medix.Inference.Kernels;

namespace Medix.Inference.Qwen3VL;

/// <summary>
/// One matrix or vector of a model. <paramref name="Key"/> is its name in packed files and plans, without the expert's number that <paramref name="Name"/> ends in.
/// </summary>
internal sealed record ModelPart(string Name, string Key, PackedMatrix? Matrix, AlignedMemory? Vector);

/// <summary>Gives a model's matrices and vectors their memory as the model is put together, and remembers their names.</summary>
internal abstract class ModelMemory(StoragePlan plan)
{
    private readonly List<ModelPart> parts = [];

    /// <summary>How the matrices are stored.</summary>
    public StoragePlan Plan => plan;

    /// <summary>All parts that are not empty, in the order in which they were asked for.</summary>
    public IReadOnlyList<ModelPart> Parts => parts;

    /// <summary>A matrix [n, k] of a kind that the plan stores as <paramref name="kind"/>; <paramref name="expert"/> numbers those of one name.</summary>
    public PackedMatrix Matrix(string key, int n, int k, WeightStorage kind, int expert = -1)
    {
        if (n == 0 || k == 0)
        {
            return new PackedMatrix(n, k, kind);
        }

        string name = expert < 0 ? key : string.Create(CultureInfo.InvariantCulture, $"{key}.{expert}");
        PackedMatrix matrix = NewMatrix(name, n, k, kind == WeightStorage.Fp32 ? kind : plan.Of(key, kind));
        parts.Add(new ModelPart(name, key, matrix, null));
        return matrix;
    }

    /// <summary>A vector or table of single-precision numbers.</summary>
    public AlignedMemory Vector(string name, long count)
    {
        AlignedMemory vector = NewVector(name, count);
        parts.Add(new ModelPart(name, name, null, vector));
        return vector;
    }

    protected abstract PackedMatrix NewMatrix(string name, int n, int k, WeightStorage storage);

    protected abstract AlignedMemory NewVector(string name, long count);
}

/// <summary>Memory of the model's own, zeroed; where <paramref name="waits"/>, a matrix takes its memory when its first rows come.</summary>
internal sealed class NewModelMemory(StoragePlan plan, bool waits = false) : ModelMemory(plan)
{
    protected override PackedMatrix NewMatrix(string name, int n, int k, WeightStorage storage) =>
        waits ? new PackedMatrix(n, k, storage, packed: null) : new PackedMatrix(n, k, storage);

    protected override AlignedMemory NewVector(string name, long count) => AlignedMemory.OfFloats(count);
}
