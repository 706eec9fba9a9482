namespace Medix.Inference.Kernels;

/// <summary>How a packed matrix stores its numbers; all sums are in single precision.</summary>
public enum WeightStorage
{
    /// <summary>32-bit floats.</summary>
    Fp32,

    /// <summary>bfloat16: half the memory to read, 8 bits of precision.</summary>
    Bf16,
}

/// <summary>
/// The weight of a Linear layer, [N, K] row-major as published, repacked for products with activations. Several weights with the same input can be stacked
/// into one (query, key and value; gate and up). Packing again in place is how a trainer updates weights.
/// </summary>
public sealed unsafe class PackedMatrix : IDisposable
{
    private readonly AlignedMemory memory;
    private readonly KernelSet kernels;

    /// <summary>Creates a matrix of zeros with <paramref name="n"/> outputs and <paramref name="k"/> inputs.</summary>
    public PackedMatrix(int n, int k, WeightStorage storage)
        : this(n, k, storage, KernelSet.Best)
    {
    }

    internal PackedMatrix(int n, int k, WeightStorage storage, KernelSet kernels)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        ArgumentOutOfRangeException.ThrowIfNegative(k);
        this.kernels = kernels;
        bool half = storage == WeightStorage.Bf16;
        memory = new AlignedMemory(PackedView.SizeOf(kernels, half, n, k));
        View = new PackedView(memory.Bytes, kernels, half, n, k);
        Storage = storage;
    }

    /// <summary>Outputs.</summary>
    public int N => View.N;

    /// <summary>Inputs.</summary>
    public int K => View.K;

    /// <summary>How the numbers are stored.</summary>
    public WeightStorage Storage { get; }

    /// <summary>What an adapter adds to every product, or null.</summary>
    public LowRankChange? Change { get; set; }

    /// <summary>The packed numbers, for kernels.</summary>
    internal PackedView View { get; }

    /// <summary>
    /// Packs weight rows [rows, K] as outputs <paramref name="firstOutput"/>, firstOutput+1, …, rounding to the storage format; on all threads of the pool.
    /// </summary>
    public void SetRows(int firstOutput, ReadOnlySpan<float> weights, WorkerPool pool)
    {
        ArgumentNullException.ThrowIfNull(pool);
        int rows = K == 0 ? 0 : weights.Length / K;
        if (firstOutput < 0 || (long)rows * K != weights.Length || firstOutput + rows > N)
        {
            throw new ArgumentException($"{weights.Length} weights from output {firstOutput} do not fill rows of {K} within {N} outputs.", nameof(weights));
        }

        int width = kernels.PanelColumns;
        fixed (float* pointer = weights)
        {
            Packing packing = new(View, pointer, firstOutput, rows, width);
            pool.Run(&Pack, &packing, rows == 0 ? 0 : ((firstOutput + rows - 1) / width) - (firstOutput / width) + 1);
        }
    }

    /// <summary>Reads back one output's weights, [K].</summary>
    internal void CopyRow(int output, float* target) => View.CopyRow(output, target);

    /// <summary><c>C[rows, N] (+)= A[rows, K] · Wᵀ</c> on the calling thread. Allocates nothing.</summary>
    public void Multiply(float* a, int lda, float* c, int ldc, int rows, bool accumulate = false)
    {
        if (accumulate && Change is { Lengthens: true })
        {
            Change.AddProduct(this, a, lda, c, ldc, rows);
            return;
        }

        View.Multiply(a, lda, 1, c, ldc, rows, 0, View.Panels, accumulate);
        Change?.Add(a, lda, c, ldc, rows);
    }

    /// <summary>The same product with the outputs shared out over the pool: for few rows and large weights.</summary>
    public void Multiply(WorkerPool pool, float* a, int lda, float* c, int ldc, int rows, bool accumulate = false)
    {
        ArgumentNullException.ThrowIfNull(pool);
        if (accumulate && Change is { Lengthens: true })
        {
            Change.AddProduct(this, a, lda, c, ldc, rows);
            return;
        }

        int chunks = Math.Min(View.Panels, pool.Threads * 8);
        Product product = new(View, a, lda, c, ldc, rows, accumulate, chunks);
        pool.Run(&MultiplyChunk, &product, chunks);
        Change?.Add(a, lda, c, ldc, rows);
    }

    /// <inheritdoc />
    public void Dispose() => memory.Dispose();

    private static void Pack(void* state, int chunk, int worker)
    {
        Packing* packing = (Packing*)state;
        int panel = (packing->First / packing->Width) + chunk, start = panel * packing->Width;
        int from = Math.Max(start, packing->First), end = Math.Min(start + packing->Width, packing->First + packing->Rows);
        packing->View.PackRows(packing->Weights + ((long)(from - packing->First) * packing->View.K), packing->View.K, end - from, panel, from - start);
    }

    private static void MultiplyChunk(void* state, int chunk, int worker)
    {
        Product* p = (Product*)state;
        int first = (int)((long)p->View.Panels * chunk / p->Chunks), end = (int)((long)p->View.Panels * (chunk + 1) / p->Chunks);
        p->View.Multiply(p->A, p->Lda, 1, p->C, p->Ldc, p->Rows, first, end, p->Accumulate);
    }

    private readonly struct Packing(PackedView view, float* weights, int first, int rows, int width)
    {
        public readonly PackedView View = view;
        public readonly float* Weights = weights;
        public readonly int First = first, Rows = rows, Width = width;
    }

    private readonly struct Product(PackedView view, float* a, int lda, float* c, int ldc, int rows, bool accumulate, int chunks)
    {
        public readonly PackedView View = view;
        public readonly float* A = a, C = c;
        public readonly int Lda = lda, Ldc = ldc, Rows = rows, Chunks = chunks;
        public readonly bool Accumulate = accumulate;
    }
}
