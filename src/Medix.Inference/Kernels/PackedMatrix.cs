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

    /// <summary>The packed numbers, for kernels.</summary>
    internal PackedView View { get; }

    /// <summary>Packs weight rows [rows, K] as outputs <paramref name="firstOutput"/>, firstOutput+1, …, rounding to the storage format.</summary>
    public void SetRows(int firstOutput, ReadOnlySpan<float> weights)
    {
        int rows = K == 0 ? 0 : weights.Length / K;
        if (firstOutput < 0 || (long)rows * K != weights.Length || firstOutput + rows > N)
        {
            throw new ArgumentException($"{weights.Length} weights from output {firstOutput} do not fill rows of {K} within {N} outputs.", nameof(weights));
        }

        fixed (float* pointer = weights)
        {
            for (int row = 0; row < rows;)
            {
                int output = firstOutput + row;
                int column = output % kernels.PanelColumns;
                int count = Math.Min(kernels.PanelColumns - column, rows - row);
                View.PackRows(pointer + ((long)row * K), K, count, output / kernels.PanelColumns, column);
                row += count;
            }
        }
    }

    /// <summary><c>C[rows, N] (+)= A[rows, K] · Wᵀ</c> on the calling thread. Allocates nothing.</summary>
    public void Multiply(float* a, int lda, float* c, int ldc, int rows, bool accumulate = false) =>
        View.Multiply(a, lda, 1, c, ldc, rows, 0, View.Panels, accumulate);

    /// <inheritdoc />
    public void Dispose() => memory.Dispose();
}
