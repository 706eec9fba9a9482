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

    /// <summary>A matrix [n, k] of a kind that the plan stores as <paramref name="kind"/>.</summary>
    public PackedMatrix Matrix(string key, int n, int k, WeightStorage kind) => Matrices([key], key, n, k, kind)[0];

    /// <summary>The matrices [n, k] of <paramref name="experts"/> experts, numbered behind one name.</summary>
    public PackedMatrix[] Experts(string key, int experts, int n, int k, WeightStorage kind) =>
        Matrices([.. Enumerable.Range(0, experts).Select(expert => string.Create(CultureInfo.InvariantCulture, $"{key}.{expert}"))], key, n, k, kind);

    /// <summary>Gives memory to the matrices that have none yet.</summary>
    public virtual void Provide()
    {
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

    private PackedMatrix[] Matrices(string[] names, string key, int n, int k, WeightStorage kind)
    {
        if (n == 0 || k == 0)
        {
            return Array.ConvertAll(names, _ => new PackedMatrix(n, k, kind));
        }

        WeightStorage storage = kind == WeightStorage.Fp32 ? kind : plan.Of(key, kind);
        PackedMatrix[] matrices = Array.ConvertAll(names, name => NewMatrix(name, n, k, storage));
        parts.AddRange(names.Zip(matrices, (name, matrix) => new ModelPart(name, key, matrix, null)));
        return matrices;
    }
}

/// <summary>Memory of the model's own, zeroed; a matrix has none before it is provided, or its first rows come.</summary>
internal sealed class NewModelMemory(StoragePlan plan) : ModelMemory(plan)
{
    /// <summary>The matrices lie side by side in huge pages: looking up small pages anew for every token costs a twentieth, and a tenth where experts have one megabyte.</summary>
    public override void Provide()
    {
        PackedMatrix[] waiting = [.. Parts.Select(part => part.Matrix).OfType<PackedMatrix>().Where(matrix => matrix.Waits)];
        foreach ((PackedMatrix matrix, AlignedMemory part) in waiting.Zip(AlignedMemory.Parts([.. waiting.Select(matrix => matrix.BytesNeeded)])))
        {
            matrix.Take(part);
        }
    }

    protected override PackedMatrix NewMatrix(string name, int n, int k, WeightStorage storage) => new(n, k, storage, packed: null);

    protected override AlignedMemory NewVector(string name, long count) => AlignedMemory.OfFloats(count);
}
