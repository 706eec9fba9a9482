using Medix.Inference.Kernels;
using Medix.Runs;

namespace Medix.Inference.Qwen3VL;

/// <summary>
/// The values of a parameter by its canonical published name (<see cref="Weights.ModelTensors"/>), row-major. The span must stay valid until the next call.
/// </summary>
public delegate ReadOnlySpan<float> WeightReader(string name);

/// <summary>Puts parameters where the kernels want them.</summary>
internal sealed unsafe class WeightLoader(WeightReader read, WorkerPool pool)
{
    /// <summary>Parameters read.</summary>
    public int Count { get; private set; }

    /// <summary>Where each matrix went, in the order of its experts where it has several.</summary>
    public Dictionary<string, IReadOnlyList<WeightPlace>> Places { get; } = new(StringComparer.Ordinal);

    /// <summary>Copies a vector.</summary>
    public void Read(string name, AlignedMemory target)
    {
        ReadOnlySpan<float> values = Read(name, target.Length / sizeof(float));
        values.CopyTo(new Span<float>(target.Floats, values.Length));
    }

    /// <summary>Packs a matrix of <paramref name="rows"/> outputs (all of them if negative) from output <paramref name="first"/> on.</summary>
    public void Read(string name, PackedMatrix target, int first = 0, int rows = -1)
    {
        rows = rows < 0 ? target.N : rows;
        target.SetRows(first, Read(name, (long)rows * target.K), pool);
        Places[name] = [new(target, first, rows)];
    }

    private ReadOnlySpan<float> Read(string name, long expected)
    {
        ReadOnlySpan<float> values = read(name);
        Count++;
        return values.Length == expected
            ? values
            : throw new MedixException(
                $"Parameter {name} has {values.Length} values, expected {expected}: the weights and the configuration are not of the same model.");
    }
}
