using Medix.Inference.Kernels;

namespace Medix.Inference.Packed;

/// <summary>
/// How far packed weights are from what they were, in sums of squares over a matrix: of the errors and of the weights, and of both times each input's importance, which
/// are the errors and the size of the matrix's outputs where inputs do not depend on each other.
/// </summary>
internal sealed unsafe class PackingError : PoolJob
{
    private const int ChunkRows = 16;
    private float[][] rows = [];
    private Sums[] parts = [];
    private Sums total;
    private PackedMatrix matrix = null!;
    private float[]? importance;
    private float* weights;
    private int first;
    private int count;

    /// <summary>Root of the errors' squares over the weights'.</summary>
    public double Relative => total.Signal > 0 ? Math.Sqrt(total.Error / total.Signal) : 0;

    /// <summary>The same of the outputs, or null where no importance was given.</summary>
    public double? RelativeOfOutputs => total.WeightedSignal > 0 ? Math.Sqrt(total.WeightedError / total.WeightedSignal) : null;

    /// <summary>Adds rows [rows, K] that were packed as outputs <paramref name="first"/>, first+1, …</summary>
    public void Add(PackedMatrix matrix, int first, ReadOnlySpan<float> weights, float[]? importance, WorkerPool pool)
    {
        (this.matrix, this.first, this.importance, count) = (matrix, first, importance, weights.Length / matrix.K);
        int chunks = (count + ChunkRows - 1) / ChunkRows;
        parts = new Sums[chunks];
        rows = rows.Length == pool.Threads && rows[0].Length >= matrix.K ? rows : [.. Enumerable.Range(0, pool.Threads).Select(_ => new float[matrix.K])];
        fixed (float* pointer = weights)
        {
            this.weights = pointer;
            pool.Run(this, chunks);
        }

        // In the chunks' order: the sum does not depend on the threads.
        total = parts.Aggregate(total, (sum, part) => sum.Plus(part));
    }

    /// <inheritdoc />
    public override void Execute(int chunk, int worker)
    {
        Sums sums = default;
        for (int row = chunk * ChunkRows; row < Math.Min(count, (chunk + 1) * ChunkRows); row++)
        {
            fixed (float* packed = rows[worker])
            {
                matrix.CopyRow(first + row, packed);
                sums = sums.Plus(Of(packed, weights + ((long)row * matrix.K)));
            }
        }

        parts[chunk] = sums;
    }

    private Sums Of(float* packed, float* original)
    {
        double error = 0, signal = 0, weightedError = 0, weightedSignal = 0;
        for (int i = 0; i < matrix.K; i++)
        {
            double e = packed[i] - original[i], x = original[i];
            error += e * e;
            signal += x * x;
            if (importance is not null)
            {
                weightedError += e * e * importance[i];
                weightedSignal += x * x * importance[i];
            }
        }

        return new Sums(error, signal, weightedError, weightedSignal);
    }

    private readonly record struct Sums(double Error, double Signal, double WeightedError, double WeightedSignal)
    {
        public Sums Plus(Sums other) =>
            new(Error + other.Error, Signal + other.Signal, WeightedError + other.WeightedError, WeightedSignal + other.WeightedSignal);
    }
}
