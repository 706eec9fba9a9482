namespace Medix.Inference.Kernels.Quantised;

/// <summary>Products of single-precision activations with a quantised weight: the activations are encoded once, and then met by panel after panel. Allocates nothing.</summary>
internal static unsafe class QuantisedProduct
{
    /// <summary>Rows encoded at a time: with them the panel's part and the activations fit the nearer caches.</summary>
    private const int RowBlock = 64;

    /// <summary>From so many rows on, they are encoded on all threads.</summary>
    private const int ManyRows = 4;

    /// <summary>Enough that threads finish together, few enough that taking them costs nothing.</summary>
    private const int ChunksPerThread = 16;

    /// <summary>
    /// <c>C[rows, N] (+)= A[rows, K] · Wᵀ</c> for the outputs of the panels [<paramref name="firstPanel"/>, <paramref name="endPanel"/>), on the calling thread.
    /// </summary>
    public static void Multiply(
        in QuantisedView weight, float* a, int lda, float* c, int ldc, int rows, int firstPanel, int endPanel, bool accumulate)
    {
        int stride = Activations.RowBytes(weight.Format, weight.K);
        byte* encoded = Activations.Scratch((long)Math.Min(rows, RowBlock) * stride);
        for (int first = 0; first < rows; first += RowBlock)
        {
            int count = Math.Min(RowBlock, rows - first);
            for (int row = 0; row < count; row++)
            {
                Activations.Encode(weight.Format, a + ((long)(first + row) * lda), weight.K, encoded + ((long)row * stride));
            }

            weight.Multiply(encoded, stride, c + ((long)first * ldc), ldc, count, firstPanel, endPanel, accumulate);
        }
    }

    /// <summary>The same for all outputs, the panels shared out over the pool.</summary>
    public static void Multiply(WorkerPool pool, in QuantisedView weight, float* a, int lda, float* c, int ldc, int rows, bool accumulate)
    {
        int stride = Activations.RowBytes(weight.Format, weight.K);
        byte* encoded = Activations.Scratch((long)Math.Min(rows, RowBlock) * stride);
        int chunks = Math.Min(weight.Panels, pool.Threads * ChunksPerThread);
        for (int first = 0; first < rows; first += RowBlock)
        {
            int count = Math.Min(RowBlock, rows - first);
            Shared job = new(weight, a + ((long)first * lda), lda, encoded, stride, c + ((long)first * ldc), ldc, count, chunks, accumulate);
            if (count >= ManyRows)
            {
                pool.Run(&EncodeRow, &job, count);
            }
            else
            {
                for (int row = 0; row < count; row++)
                {
                    EncodeRow(&job, row, 0);
                }
            }

            pool.Run(&MultiplyChunk, &job, chunks);
        }
    }

    private static void EncodeRow(void* state, int row, int worker)
    {
        Shared* job = (Shared*)state;
        Activations.Encode(job->Weight.Format, job->A + ((long)row * job->Lda), job->Weight.K, job->Encoded + ((long)row * job->Stride));
    }

    private static void MultiplyChunk(void* state, int chunk, int worker)
    {
        Shared* job = (Shared*)state;
        int panels = job->Weight.Panels, first = (int)((long)panels * chunk / job->Chunks), end = (int)((long)panels * (chunk + 1) / job->Chunks);
        job->Weight.Multiply(job->Encoded, job->Stride, job->C, job->Ldc, job->Rows, first, end, job->Accumulate);
    }

    private readonly struct Shared(
        QuantisedView weight, float* a, int lda, byte* encoded, int stride, float* c, int ldc, int rows, int chunks, bool accumulate)
    {
        public readonly QuantisedView Weight = weight;
        public readonly float* A = a, C = c;
        public readonly byte* Encoded = encoded;
        public readonly int Lda = lda, Stride = stride, Ldc = ldc, Rows = rows, Chunks = chunks;
        public readonly bool Accumulate = accumulate;
    }
}
