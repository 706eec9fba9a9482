using System.Runtime.InteropServices;

namespace Medix.Inference.Kernels;

/// <summary>
/// Single-precision matrix products over raw row-major memory; a leading dimension is the distance between rows in numbers. Any sizes, zero included.
/// The result does not depend on the number of threads: each element is summed in the order of k with one rounding per step.
/// The second operand is packed into the pool's scratch memory on every call; weights that are used often belong in a <see cref="PackedMatrix"/>.
/// Blocking after Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008).
/// </summary>
public static unsafe class Gemm
{
    /// <summary>
    /// <c>C[M,N] (+)= A[M,K] · B[N,K]ᵀ + bias</c>: a Linear layer's forward. <paramref name="bias"/> has N numbers or is null.
    /// </summary>
    public static void NT(
        WorkerPool pool, float* a, int lda, float* b, int ldb, float* c, int ldc, int m, int n, int k, bool accumulate = false, float* bias = null) =>
        Multiply(pool, KernelSet.Best, new Operands(a, lda, 1, b, ldb, true, c, ldc, m, n, k, accumulate, bias));

    /// <summary><c>C[M,N] (+)= A[M,K] · B[K,N] + bias</c>: a Linear layer's gradient by its input, dY · W.</summary>
    public static void NN(
        WorkerPool pool, float* a, int lda, float* b, int ldb, float* c, int ldc, int m, int n, int k, bool accumulate = false, float* bias = null) =>
        Multiply(pool, KernelSet.Best, new Operands(a, lda, 1, b, ldb, false, c, ldc, m, n, k, accumulate, bias));

    /// <summary><c>C[M,N] (+)= A[K,M]ᵀ · B[K,N] + bias</c>: a Linear layer's gradient by its weight, dYᵀ · X.</summary>
    public static void TN(
        WorkerPool pool, float* a, int lda, float* b, int ldb, float* c, int ldc, int m, int n, int k, bool accumulate = false, float* bias = null) =>
        Multiply(pool, KernelSet.Best, new Operands(a, 1, lda, b, ldb, false, c, ldc, m, n, k, accumulate, bias));

    internal static void Multiply(WorkerPool pool, KernelSet kernels, in Operands operands)
    {
        if (operands.M == 0 || operands.N == 0)
        {
            return;
        }

        lock (pool.Gate)
        {
            byte* scratch = pool.Scratch(PackedView.SizeOf(kernels, false, operands.N, operands.K));
            Job job = new(operands, new PackedView(scratch, kernels, false, operands.N, operands.K));
            job.RowBlock = RowBlock(operands.M, pool.Threads, kernels.TileRows);
            pool.Run(&Pack, &job, job.B.Panels);
            pool.Run(&MultiplyBlock, &job, (operands.M + job.RowBlock - 1) / job.RowBlock);
        }
    }

    /// <summary>Rows of one chunk: as many as the second cache level keeps, few enough that every thread gets the same number of chunks.</summary>
    private static int RowBlock(int m, int threads, int tileRows)
    {
        const int mostTiles = 32;
        int tiles = (m + tileRows - 1) / tileRows;
        int blocks = Math.Max(threads * 4, (tiles + mostTiles - 1) / mostTiles);
        blocks = (blocks + threads - 1) / threads * threads;
        return (tiles + blocks - 1) / blocks * tileRows;
    }

    private static void Pack(void* state, int panel, int worker)
    {
        Job* job = (Job*)state;
        if (job->Operands.Transposed)
        {
            job->B.PackTransposed(job->Operands.B, job->Operands.Ldb, panel, panel + 1);
        }
        else
        {
            job->B.PackPlain(job->Operands.B, job->Operands.Ldb, panel, panel + 1);
        }
    }

    private static void MultiplyBlock(void* state, int block, int worker)
    {
        Job* job = (Job*)state;
        ref readonly Operands o = ref job->Operands;
        int row = block * job->RowBlock;
        int rows = Math.Min(job->RowBlock, o.M - row);
        float* c = o.C + (row * o.Ldc);
        if (o.Bias is not null)
        {
            AddBias(c, o, rows);
        }

        job->B.Multiply(o.A + (row * o.RowStride), o.RowStride, o.StepStride, c, o.Ldc, rows, 0, job->B.Panels, o.Accumulate || o.Bias is not null);
    }

    private static void AddBias(float* c, in Operands o, int rows)
    {
        for (int row = 0; row < rows; row++, c += o.Ldc)
        {
            Span<float> target = new(c, o.N);
            ReadOnlySpan<float> bias = new(o.Bias, o.N);
            if (o.Accumulate)
            {
                for (int j = 0; j < o.N; j++)
                {
                    target[j] += bias[j];
                }
            }
            else
            {
                bias.CopyTo(target);
            }
        }
    }

    internal readonly struct Operands(
        float* a, nint rowStride, nint stepStride, float* b, nint ldb, bool transposed, float* c, nint ldc, int m, int n, int k, bool accumulate, float* bias)
    {
        public readonly float* A = a, B = b, C = c, Bias = bias;
        public readonly nint RowStride = rowStride, StepStride = stepStride, Ldb = ldb, Ldc = ldc;
        public readonly int M = m, N = n, K = k;
        public readonly bool Transposed = transposed, Accumulate = accumulate;
    }

    [StructLayout(LayoutKind.Auto)]
    private struct Job(Operands operands, PackedView b)
    {
        public Operands Operands = operands;
        public PackedView B = b;
        public int RowBlock;
    }
}
