using System.Diagnostics;
using System.Runtime.Intrinsics;
using Medix.Inference.Kernels;
using Medix.Inference.Kernels.Quantised;

namespace Medix.Inference.Measuring;

/// <summary>What the machine gives at most at this moment: memory read by all threads, and a register tile with everything in the nearest cache, one core's best
/// times the threads.</summary>
internal sealed unsafe class MachineCeilings(WorkerPool pool) : IDisposable
{
    private const long ReadBytes = 1L << 30;
    private const int ReadChunk = 1 << 20;
    private const int Tries = 8;
    private const int TileSteps = 512;
    private const int TileRepeats = 4000;
    private readonly AlignedMemory memory = new(ReadBytes);
    private readonly AlignedMemory panel = new(1 << 20);

    /// <summary>GB/s.</summary>
    public double Read()
    {
        nint bytes = (nint)memory.Bytes;
        double best = double.PositiveInfinity;
        for (int i = 0; i < 3; i++)
        {
            long start = Stopwatch.GetTimestamp();
            pool.Run(&Sum, &bytes, (int)(ReadBytes / ReadChunk));
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return ReadBytes / 1e9 / best;
    }

    /// <summary>Integer products of 4- or 8-bit weights, GOP/s.</summary>
    public double Tile(WeightStorage storage)
    {
        QuantisedFormat format = QuantisedFormat.Of(storage) ?? QuantisedFormat.Q4;
        FormatKernels kernels = QuantisedKernels.Best.Of(format);
        QuantisedTile tile = new()
        {
            Panel = panel.Bytes,
            A = panel.Bytes + (256 << 10),
            AStride = Activations.RowBytes(format, TileSteps),
            C = (float*)(panel.Bytes + (512 << 10)),
            CStride = QuantisedFormat.PanelRows,
            Units = format.Units(TileSteps),
            Rows = kernels.TileRows,
            Ahead = panel.Bytes,
        };
        double best = double.PositiveInfinity;
        for (int i = 0; i < Tries; i++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int j = 0; j < TileRepeats; j++)
            {
                kernels.Tile(tile);
            }

            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return 2.0 * tile.Rows * QuantisedFormat.PanelRows * TileSteps * TileRepeats / best / 1e9 * pool.Threads;
    }

    /// <summary>Single-precision products, GFLOP/s.</summary>
    public double SingleTile()
    {
        KernelSet kernels = KernelSet.Best;
        Tile tile = new()
        {
            A = (float*)(panel.Bytes + (512 << 10)), RowStride = TileSteps, StepStride = 1, Panel = panel.Bytes, PanelStride = kernels.PanelColumns * sizeof(float),
            C = (float*)(panel.Bytes + (768 << 10)), CStride = kernels.PanelColumns, Rows = kernels.TileRows, Vectors = kernels.PanelVectors, Steps = TileSteps / 4,
        };
        double best = double.PositiveInfinity;
        for (int i = 0; i < Tries; i++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int j = 0; j < TileRepeats; j++)
            {
                kernels.MultiplyFloat32(tile);
            }

            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return 2.0 * tile.Rows * kernels.PanelColumns * tile.Steps * TileRepeats / best / 1e9 * pool.Threads;
    }

    public void Dispose()
    {
        memory.Dispose();
        panel.Dispose();
    }

    private static void Sum(void* state, int chunk, int worker)
    {
        byte* from = *(byte**)state + ((long)chunk * ReadChunk);
        Vector512<long> a = default, b = default, c = default, d = default;
        for (int i = 0; i < ReadChunk; i += 256)
        {
            a += Vector512.Load((long*)(from + i));
            b += Vector512.Load((long*)(from + i + 64));
            c += Vector512.Load((long*)(from + i + 128));
            d += Vector512.Load((long*)(from + i + 192));
        }

        if (Vector512.Sum(a + b + c + d) != 0)
        {
            throw new InvalidOperationException("Cleared memory is not zero.");
        }
    }
}
