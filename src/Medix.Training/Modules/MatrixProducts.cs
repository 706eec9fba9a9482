using Medix.Inference.Kernels;
using Medix.Training.Native;
using static TorchSharp.torch;

namespace Medix.Training.Modules;

/// <summary>The three matrix products of a Linear layer on fp32 CPU tensors; a weight that is not trained may be in bfloat16.</summary>
internal static unsafe class MatrixProducts
{
    /// <summary>(start +) a·bᵀ for a [M, K], b [N, K].</summary>
    public static Tensor TimesTransposed(Tensor a, Tensor b, Tensor? start = null)
    {
        Tensor c = Result(Side(a, 0), Side(b, 0));
        if (start is not null)
        {
            CopyTo(start, c);
        }

        TimesTransposed(a, b, c, accumulate: start is not null);
        return c;
    }

    /// <summary>sum += a·bᵀ.</summary>
    public static void AddTimesTransposed(Tensor a, Tensor b, Tensor sum) => TimesTransposed(a, b, sum, accumulate: true);

    /// <summary>(sum +=) a·b for a [M, K], b [K, N]; adds into <paramref name="sum"/> where given.</summary>
    public static Tensor Times(Tensor a, Tensor b, Tensor? sum)
    {
        (int m, int k, int n) = (Side(a, 0), Side(a, 1), Side(b, 1));
        Tensor c = sum ?? Result(m, n);
        if (b.dtype == ScalarType.BFloat16)
        {
            Gemm.NN(WorkerPool.Shared, TensorMemory.Floats(a), k, TensorMemory.BFloat16s(b), n, TensorMemory.Floats(c), n, m, n, k, sum is not null);
        }
        else
        {
            Gemm.NN(WorkerPool.Shared, TensorMemory.Floats(a), k, TensorMemory.Floats(b), n, TensorMemory.Floats(c), n, m, n, k, sum is not null);
        }

        return c;
    }

    /// <summary>aᵀ·b for a [K, M], b [K, N].</summary>
    public static Tensor TransposedTimes(Tensor a, Tensor b)
    {
        (int k, int m, int n) = (Side(a, 0), Side(a, 1), Side(b, 1));
        Tensor c = Result(m, n);
        Gemm.TN(WorkerPool.Shared, TensorMemory.Floats(a), m, TensorMemory.Floats(b), n, TensorMemory.Floats(c), n, m, n, k);
        return c;
    }

    private static void TimesTransposed(Tensor a, Tensor b, Tensor c, bool accumulate)
    {
        (int m, int k, int n) = (Side(a, 0), Side(a, 1), Side(b, 0));
        if (b.dtype == ScalarType.BFloat16)
        {
            Gemm.NT(WorkerPool.Shared, TensorMemory.Floats(a), k, TensorMemory.BFloat16s(b), k, TensorMemory.Floats(c), n, m, n, k, accumulate);
        }
        else
        {
            Gemm.NT(WorkerPool.Shared, TensorMemory.Floats(a), k, TensorMemory.Floats(b), k, TensorMemory.Floats(c), n, m, n, k, accumulate);
        }
    }

    private static Tensor Result(int rows, int columns) => TensorMemory.Empty(rows, columns);

    private static int Side(Tensor tensor, int dimension) => checked((int)tensor.shape[dimension]);

    private static void CopyTo(Tensor from, Tensor to)
    {
        CopyJob job = new() { From = TensorMemory.Floats(from), To = TensorMemory.Floats(to), Count = from.numel() };
        WorkerPool.Shared.Run(&CopyJob.Run, &job, checked((int)((job.Count + CopyJob.Chunk - 1) / CopyJob.Chunk)));
    }

    private struct CopyJob
    {
        public const int Chunk = 1 << 16;
        public float* From, To;
        public long Count;

        public static void Run(void* state, int chunk, int worker)
        {
            CopyJob* job = (CopyJob*)state;
            long start = (long)chunk * Chunk;
            int count = (int)Math.Min(Chunk, job->Count - start);
            new ReadOnlySpan<float>(job->From + start, count).CopyTo(new Span<float>(job->To + start, count));
        }
    }
}
