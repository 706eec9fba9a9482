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

    /// <summary>A vector or table of single-precision numbers.</summary>
    public AlignedMemory Vector(string name, long count)
    {
        AlignedMemory vector = NewVector(name, count);
        parts.Add(new ModelPart(name, name, null, vector));
        return vector;
    }

    protected abstract PackedMatrix NewMatrix(string name, int n, int k, WeightStorage storage);

    /// <summary>Several of one shape.</summary>
    protected virtual PackedMatrix[] NewMatrices(string[] names, int n, int k, WeightStorage storage) => Array.ConvertAll(names, name => NewMatrix(name, n, k, storage));

    protected abstract AlignedMemory NewVector(string name, long count);

    private PackedMatrix[] Matrices(string[] names, string key, int n, int k, WeightStorage kind)
    {
        if (n == 0 || k == 0)
        {
            return Array.ConvertAll(names, _ => new PackedMatrix(n, k, kind));
        }

        PackedMatrix[] matrices = NewMatrices(names, n, k, kind == WeightStorage.Fp32 ? kind : plan.Of(key, kind));
        parts.AddRange(names.Zip(matrices, (name, matrix) => new ModelPart(name, key, matrix, null)));
        return matrices;
    }
}

/// <summary>Memory of the model's own, zeroed; where <paramref name="waits"/>, a matrix takes its memory when its first rows come.</summary>
internal sealed class NewModelMemory(StoragePlan plan, bool waits = false) : ModelMemory(plan)
{
    protected override PackedMatrix NewMatrix(string name, int n, int k, WeightStorage storage) =>
        waits ? new PackedMatrix(n, k, storage, packed: null) : new PackedMatrix(n, k, storage);

    /// <summary>Experts lie side by side in huge pages: one has a megabyte or two, and looking up each of its small pages anew for every token costs a tenth.</summary>
    protected override PackedMatrix[] NewMatrices(string[] names, int n, int k, WeightStorage storage) => waits || names.Length == 1
        ? base.NewMatrices(names, n, k, storage)
        : Array.ConvertAll(AlignedMemory.Parts(names.Length, PackedMatrix.SizeOf(n, k, storage)), part => new PackedMatrix(n, k, storage, part));

    protected override AlignedMemory NewVector(string name, long count) => AlignedMemory.OfFloats(count);
}
