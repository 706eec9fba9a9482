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
    /// <summary>Steps of k packed at a time: a multiple of what a tile takes at once, so that blocking changes no sum.</summary>
    private const int MostDepth = 8192;

    /// <summary>Numbers of B packed at a time: 16 MB in single precision.</summary>
    private const int MostPacked = 1 << 22;

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

    /// <summary><see cref="NT(WorkerPool, float*, int, float*, int, float*, int, int, int, int, bool, float*)"/> with B in bfloat16.</summary>
    public static void NT(WorkerPool pool, float* a, int lda, ushort* b, int ldb, float* c, int ldc, int m, int n, int k, bool accumulate = false) =>
        Multiply(pool, KernelSet.Best, new Operands(a, lda, 1, b, ldb, true, c, ldc, m, n, k, accumulate, null) { BFloat16 = true });

    /// <summary><see cref="NN(WorkerPool, float*, int, float*, int, float*, int, int, int, int, bool, float*)"/> with B in bfloat16.</summary>
    public static void NN(WorkerPool pool, float* a, int lda, ushort* b, int ldb, float* c, int ldc, int m, int n, int k, bool accumulate = false) =>
        Multiply(pool, KernelSet.Best, new Operands(a, lda, 1, b, ldb, false, c, ldc, m, n, k, accumulate, null) { BFloat16 = true });

    /// <summary>B is packed block by block, so that the scratch memory stays small whatever B's size; a block of k continues the sums of the one before.</summary>
    internal static void Multiply(WorkerPool pool, KernelSet kernels, in Operands operands, int mostDepth = MostDepth, int mostPacked = MostPacked)
    {
        if (operands.M == 0 || operands.N == 0)
        {
            return;
        }

        int depth = Math.Clamp(operands.K, 1, mostDepth);
        int width = Math.Max(kernels.PanelColumns, mostPacked / depth / kernels.PanelColumns * kernels.PanelColumns);
        lock (pool.Gate)
        {
            for (int k = 0; k == 0 || k < operands.K; k += depth)
            {
                for (int n = 0; n < operands.N; n += width)
                {
                    MultiplyPacked(pool, kernels, operands.Block(n, Math.Min(width, operands.N - n), k, Math.Min(depth, operands.K - k)));
                }
            }
        }
    }

    private static void MultiplyPacked(WorkerPool pool, KernelSet kernels, in Operands operands)
    {
        byte* scratch = pool.Scratch(PackedView.SizeOf(kernels, operands.BFloat16, operands.N, operands.K));
        Job job = new(operands, new PackedView(scratch, kernels, operands.BFloat16, operands.N, operands.K));
        job.RowBlock = RowBlock(operands.M, pool.Threads, kernels.TileRows);
        pool.Run(&Pack, &job, job.B.Panels);
        pool.Run(&MultiplyBlock, &job, (operands.M + job.RowBlock - 1) / job.RowBlock);
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
        float* a, nint rowStride, nint stepStride, void* b, nint ldb, bool transposed, float* c, nint ldc, int m, int n, int k, bool accumulate, float* bias)
    {
        public readonly float* A = a, C = c, Bias = bias;
        public readonly void* B = b;
        public readonly nint RowStride = rowStride, StepStride = stepStride, Ldb = ldb, Ldc = ldc;
        public readonly int M = m, N = n, K = k;
        public readonly bool Transposed = transposed, Accumulate = accumulate;

        /// <summary>Whether B is in bfloat16.</summary>
        public bool BFloat16 { get; init; }

        /// <summary>The part of the product with columns from <paramref name="column"/> and steps from <paramref name="step"/> on.</summary>
        public Operands Block(int column, int columns, int step, int steps)
        {
            long first = Transposed ? (column * Ldb) + step : (step * Ldb) + column;
            byte* b = (byte*)B + (first * (BFloat16 ? sizeof(ushort) : sizeof(float)));
            return new(
                A + (step * StepStride), RowStride, StepStride, b, Ldb, Transposed, C + column, Ldc, M, columns, steps, Accumulate || step > 0,
                Bias is null || step > 0 ? null : Bias + column) { BFloat16 = BFloat16 };
        }
    }

    [StructLayout(LayoutKind.Auto)]
    private struct Job(Operands operands, PackedView b)
    {
        public Operands Operands = operands;
        public PackedView B = b;
        public int RowBlock;
    }
}
