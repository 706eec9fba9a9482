using Medix.Inference.Kernels;
using Medix.Weights;

namespace Medix.Inference.Qwen3VL;

/// <summary>
/// Copies values of a parameter, from value number <paramref name="start"/> on, by its canonical published name (<see cref="ModelTensors"/>), row-major.
/// Weights come slice by slice, so that nobody needs a copy of a whole tensor.
/// </summary>
public delegate void WeightReader(string name, long start, Span<float> values);

/// <summary>Sees weights [rows, K] that have just been packed as outputs <paramref name="first"/>, first+1, … of a matrix.</summary>
internal delegate void RowsPacked(PackedMatrix target, int first, ReadOnlySpan<float> weights);

/// <summary>What a quantiser adds to loading: how much each input of a matrix counts [K] (null for all alike), and what it does with parts as they come.</summary>
internal sealed record LoadHooks(Func<PackedMatrix, float[]?> Importance, RowsPacked Packed, Action<AlignedMemory> Copied);

/// <summary>Puts parameters where the kernels want them.</summary>
/// <param name="read">The values, or null where they are in place already and only <see cref="Places"/> are wanted.</param>
/// <param name="pool">Threads that pack.</param>
/// <param name="done">Told of a parameter whenever what was read of it is not needed any more, or null.</param>
/// <param name="holdsExpertsTransposed">Whether a parameter's expert matrices come as [experts, out, in] and not as published; null for never.</param>
/// <param name="hooks">A quantiser's, or null.</param>
internal sealed unsafe class WeightLoader(
    WeightReader? read, WorkerPool pool, Action<string>? done = null, Func<string, bool>? holdsExpertsTransposed = null, LoadHooks? hooks = null)
{
    private const int SliceValues = 1 << 20;
    private float[] buffer = [];

    /// <summary>Where each matrix went; one place for every expert where it has several.</summary>
    public Dictionary<string, IReadOnlyList<WeightPlace>> Places { get; } = new(StringComparer.Ordinal);

    /// <summary>Copies a vector, or a table that stays as it is.</summary>
    public void Read(string name, AlignedMemory target)
    {
        if (read is null)
        {
            return;
        }

        read(name, 0, new Span<float>(target.Floats, checked((int)(target.Length / sizeof(float)))));
        done?.Invoke(name);
        hooks?.Copied(target);
    }

    /// <summary>Packs a matrix of <paramref name="rows"/> outputs (all of them if negative) from output <paramref name="first"/> on.</summary>
    public void Read(string name, PackedMatrix target, int first = 0, int rows = -1)
    {
        rows = rows < 0 ? target.N : rows;
        ReadRows(name, 0, target, first, rows);
        Places[name] = [new(target, first, rows)];
    }

    /// <summary>Packs the matrices of all experts.</summary>
    public void ReadExperts(string name, IReadOnlyList<PackedMatrix> targets)
    {
        bool transposed = holdsExpertsTransposed?.Invoke(name) == true;
        long size = (long)targets[0].N * targets[0].K;
        for (int expert = 0; expert < targets.Count; expert++)
        {
            if (read is null)
            {
                break;
            }

            if (transposed)
            {
                ReadRows(name, expert * size, targets[expert], 0, targets[expert].N);
            }
            else
            {
                ReadPublishedExpert(name, expert * size, targets[expert]);
            }
        }

        Places[name] = [.. targets.Select(target => new WeightPlace(target, 0, target.N))];
    }

    private void ReadRows(string name, long start, PackedMatrix target, int first, int rows)
    {
        int most = Math.Max(1, SliceValues / Math.Max(target.K, 1));
        for (int row = 0; row < rows && read is not null; row += most)
        {
            Span<float> slice = Buffer(Math.Min(most, rows - row) * target.K);
            read(name, start + ((long)row * target.K), slice);
            Pack(target, first + row, slice);
            done?.Invoke(name);
        }
    }

    /// <summary>One expert's matrix as published, [in, out], turned round.</summary>
    private void ReadPublishedExpert(string name, long start, PackedMatrix target)
    {
        int outputs = target.N, inputs = target.K, count = checked(outputs * inputs);
        Span<float> all = Buffer(2 * count);
        Span<float> rows = all[count..];
        read!(name, start, all[..count]);
        const int block = 16;
        for (int o = 0; o < outputs; o += block)
        {
            for (int i = 0; i < inputs; i++)
            {
                for (int j = o; j < Math.Min(o + block, outputs); j++)
                {
                    rows[(j * inputs) + i] = all[(i * outputs) + j];
                }
            }
        }

        Pack(target, 0, rows);
        done?.Invoke(name);
    }

    private void Pack(PackedMatrix target, int first, ReadOnlySpan<float> rows)
    {
        target.SetRows(first, rows, pool, hooks?.Importance(target));
        hooks?.Packed(target, first, rows);
    }

    private Span<float> Buffer(int count)
    {
        if (buffer.Length < count)
        {
            buffer = new float[count];
        }

        return buffer.AsSpan(0, count);
    }
}
