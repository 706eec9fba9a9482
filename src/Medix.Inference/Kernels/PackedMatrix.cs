using Medix.Inference.Kernels.Quantised;

namespace Medix.Inference.Kernels;

/// <summary>
/// How a packed matrix stores its numbers. Products with floating-point storage are single precision throughout; those with integers round the activations to 8 bits
/// too, add up exactly within a block and in single precision across blocks.
/// </summary>
public enum WeightStorage
{
    /// <summary>32-bit floats.</summary>
    Fp32,

    /// <summary>bfloat16: half the memory to read, 8 bits of precision.</summary>
    Bf16,

    /// <summary>8-bit integers, one half-precision scale for each 32 of them: 8.5 bits per weight.</summary>
    Q8,

    /// <summary>4-bit integers, one half-precision scale for each 32 of them (GGUF's Q4_0): 4.5 bits per weight.</summary>
    Q4,

    /// <summary>4-bit integers with scale and minimum for each 32 of them, these in 8 bits (GGUF's Q4_K and finer): 4.625 bits per weight, closer to the original.</summary>
    Q4K,
}

/// <summary>
/// The weight of a Linear layer, [N, K] row-major as published, repacked for products with activations. Several weights with the same input can be stacked
/// into one (query, key and value; gate and up). Packing again in place is how a trainer updates weights.
/// </summary>
public sealed unsafe class PackedMatrix : IDisposable
{
    private readonly KernelSet kernels;
    private readonly QuantisedFormat? format;
    private readonly QuantisedKernels? quantised;
    private AlignedMemory memory;

    /// <summary>Creates a matrix of zeros with <paramref name="n"/> outputs and <paramref name="k"/> inputs.</summary>
    public PackedMatrix(int n, int k, WeightStorage storage)
        : this(n, k, storage, KernelSet.Best)
    {
    }

    internal PackedMatrix(int n, int k, WeightStorage storage, KernelSet kernels, QuantisedKernels? quantised = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        ArgumentOutOfRangeException.ThrowIfNegative(k);
        (this.kernels, this.quantised, format) = (kernels, quantised, QuantisedFormat.Of(storage));
        (N, K, Storage) = (n, k, storage);
        memory = new AlignedMemory(SizeOf(n, k, storage, kernels));
        Attach(memory);
    }

    /// <summary>A matrix whose packed numbers are there already, or have no memory (null) until it takes some or its first rows are set.</summary>
    internal PackedMatrix(int n, int k, WeightStorage storage, AlignedMemory? packed)
    {
        (kernels, format) = (KernelSet.Best, QuantisedFormat.Of(storage));
        (N, K, Storage) = (n, k, storage);
        memory = new AlignedMemory(0);
        Waits = true;
        if (packed is not null)
        {
            Take(packed);
        }
    }

    /// <summary>Outputs.</summary>
    public int N { get; }

    /// <summary>Inputs.</summary>
    public int K { get; }

    /// <summary>Bytes of the packed numbers.</summary>
    public long Bytes => Waits ? 0 : memory.Length;

    /// <summary>How the numbers are stored.</summary>
    public WeightStorage Storage { get; }

    /// <summary>What an adapter adds to every product, or null.</summary>
    public LowRankChange? Change { get; set; }

    /// <summary>What a quantiser learns of this matrix's inputs while the model computes, or null.</summary>
    internal InputMoments? Moments { get; set; }

    /// <summary>Whether there is no memory yet.</summary>
    internal bool Waits { get; private set; }

    /// <summary>Bytes of the packed numbers, whether they have memory or not.</summary>
    internal long BytesNeeded => SizeOf(N, K, Storage, kernels);

    /// <summary>The packed numbers as they lie in memory.</summary>
    internal AlignedMemory Memory => memory;

    /// <summary>The packed numbers, for kernels; empty where they are quantised.</summary>
    internal PackedView View { get; private set; }

    /// <summary>The packed numbers where they are quantised.</summary>
    internal QuantisedView Quantised { get; private set; }

    /// <summary>Bytes of a packed matrix on this machine; of quantised ones on any.</summary>
    internal static long SizeOf(int n, int k, WeightStorage storage, KernelSet? kernels = null) =>
        QuantisedFormat.Of(storage)?.SizeOf(n, k) ?? PackedView.SizeOf(kernels ?? KernelSet.Best, storage == WeightStorage.Bf16, n, k);

    /// <summary>
    /// Packs weight rows [rows, K] as outputs <paramref name="firstOutput"/>, firstOutput+1, …, rounding to the storage format; on all threads of the pool.
    /// Integers are chosen so that the squared error, weighted by each input's <paramref name="importance"/> [K] where it is given, is small.
    /// </summary>
    public void SetRows(int firstOutput, ReadOnlySpan<float> weights, WorkerPool pool, ReadOnlySpan<float> importance = default)
    {
        ArgumentNullException.ThrowIfNull(pool);
        int rows = K == 0 ? 0 : weights.Length / K;
        if (firstOutput < 0 || (long)rows * K != weights.Length || firstOutput + rows > N)
        {
            throw new ArgumentException($"{weights.Length} weights from output {firstOutput} do not fill rows of {K} within {N} outputs.", nameof(weights));
        }

        if (importance.Length > 0 && importance.Length != K)
        {
            throw new ArgumentException($"There are {importance.Length} importances for {K} inputs.", nameof(importance));
        }

        RequireMemory();
        int width = format is null ? kernels.PanelColumns : QuantisedFormat.PanelRows;
        fixed (float* pointer = weights, weighting = importance)
        {
            Packing packing = new(this, pointer, weighting, firstOutput, rows, width);
            pool.Run(&Pack, &packing, rows == 0 ? 0 : ((firstOutput + rows - 1) / width) - (firstOutput / width) + 1);
        }
    }

    /// <summary>Reads back one output's weights, [K].</summary>
    internal void CopyRow(int output, float* target)
    {
        if (format is null)
        {
            View.CopyRow(output, target);
        }
        else
        {
            Quantised.CopyRow(output, target);
        }
    }

    /// <summary><c>C[rows, N] (+)= A[rows, K] · Wᵀ</c> on the calling thread. Allocates nothing.</summary>
    public void Multiply(float* a, int lda, float* c, int ldc, int rows, bool accumulate = false)
    {
        Moments?.Add(a, lda, rows);
        if (accumulate && Change is { Lengthens: true })
        {
            Change.AddProduct(this, a, lda, c, ldc, rows);
            return;
        }

        MultiplyBase(a, lda, c, ldc, rows, accumulate);
        Change?.Add(a, lda, c, ldc, rows);
    }

    /// <summary>
    /// One of <paramref name="parts"/> parts of the product's outputs, on the calling thread: so threads share several small matrices evenly. Where an adapter or statistics
    /// need whole rows, the first part is all of it.
    /// </summary>
    internal void MultiplyPart(float* a, int lda, float* c, int ldc, int rows, int part, int parts)
    {
        if (Change is not null || Moments is not null)
        {
            if (part == 0)
            {
                Multiply(a, lda, c, ldc, rows);
            }

            return;
        }

        MultiplyPanels(a, lda, c, ldc, rows, Panels * part / parts, Panels * (part + 1) / parts, accumulate: false);
    }

    /// <summary>The product without what an adapter adds.</summary>
    internal void MultiplyBase(float* a, int lda, float* c, int ldc, int rows, bool accumulate) => MultiplyPanels(a, lda, c, ldc, rows, 0, Panels, accumulate);

    /// <summary>The same product with the outputs shared out over the pool: for few rows and large weights.</summary>
    public void Multiply(WorkerPool pool, float* a, int lda, float* c, int ldc, int rows, bool accumulate = false)
    {
        ArgumentNullException.ThrowIfNull(pool);
        Moments?.Add(a, lda, rows);
        if (accumulate && Change is { Lengthens: true })
        {
            Change.AddProduct(this, a, lda, c, ldc, rows);
            return;
        }

        if (format is null)
        {
            int chunks = Math.Min(View.Panels, pool.Threads * 8);
            Product product = new(View, a, lda, c, ldc, rows, accumulate, chunks);
            pool.Run(&MultiplyChunk, &product, chunks);
        }
        else
        {
            QuantisedProduct.Multiply(pool, Quantised, a, lda, c, ldc, rows, accumulate);
        }

        Change?.Add(a, lda, c, ldc, rows);
    }

    /// <inheritdoc />
    public void Dispose() => memory.Dispose();

    /// <summary>Has its packed numbers in this memory from now on: they are there, or it is zeroed.</summary>
    internal void Take(AlignedMemory packed)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(packed.Length, BytesNeeded);
        memory.Dispose();
        memory = packed;
        Waits = false;
        Attach(packed);
    }

    /// <summary>Gives the memory back; it comes again with the next rows.</summary>
    internal void Release()
    {
        memory.Dispose();
        memory = new AlignedMemory(0);
        (View, Quantised, Waits) = (default, default, true);
    }

    private int Panels => format is null ? View.Panels : Quantised.Panels;

    private void MultiplyPanels(float* a, int lda, float* c, int ldc, int rows, int first, int end, bool accumulate)
    {
        if (format is null)
        {
            View.Multiply(a, lda, 1, c, ldc, rows, first, end, accumulate);
        }
        else
        {
            QuantisedProduct.Multiply(Quantised, a, lda, c, ldc, rows, first, end, accumulate);
        }
    }

    private void RequireMemory()
    {
        if (memory.IsReadOnly)
        {
            throw new InvalidOperationException("The matrix is a part of a mapped file; it cannot be packed anew.");
        }

        if (Waits)
        {
            Take(new AlignedMemory(BytesNeeded));
        }
    }

    private void Attach(AlignedMemory packed)
    {
        View = format is null ? new PackedView(packed.Bytes, kernels, Storage == WeightStorage.Bf16, N, K) : default;
        Quantised = format is null ? default : new QuantisedView(packed.Bytes, format.Value, quantised ?? QuantisedKernels.Best, N, K);
    }

    private static void Pack(void* state, int chunk, int worker)
    {
        Packing* packing = (Packing*)state;
        int panel = (packing->First / packing->Width) + chunk, start = panel * packing->Width;
        int from = Math.Max(start, packing->First), end = Math.Min(start + packing->Width, packing->First + packing->Rows);
        float* weights = packing->Weights + ((long)(from - packing->First) * packing->K);
        if (packing->Storage is WeightStorage.Fp32 or WeightStorage.Bf16)
        {
            packing->View.PackRows(weights, packing->K, end - from, panel, from - start);
            return;
        }

        for (int output = from; output < end; output++, weights += packing->K)
        {
            packing->Quantised.PackRow(output, weights, packing->Importance);
        }
    }

    private static void MultiplyChunk(void* state, int chunk, int worker)
    {
        Product* p = (Product*)state;
        int first = (int)((long)p->View.Panels * chunk / p->Chunks), end = (int)((long)p->View.Panels * (chunk + 1) / p->Chunks);
        p->View.Multiply(p->A, p->Lda, 1, p->C, p->Ldc, p->Rows, first, end, p->Accumulate);
    }

    private readonly struct Packing(PackedMatrix matrix, float* weights, float* importance, int first, int rows, int width)
    {
        public readonly PackedView View = matrix.View;
        public readonly QuantisedView Quantised = matrix.Quantised;
        public readonly WeightStorage Storage = matrix.Storage;
        public readonly float* Weights = weights, Importance = importance;
        public readonly int K = matrix.K, First = first, Rows = rows, Width = width;
    }

    private readonly struct Product(PackedView view, float* a, int lda, float* c, int ldc, int rows, bool accumulate, int chunks)
    {
        public readonly PackedView View = view;
        public readonly float* A = a, C = c;
        public readonly int Lda = lda, Ldc = ldc, Rows = rows, Chunks = chunks;
        public readonly bool Accumulate = accumulate;
    }
}
