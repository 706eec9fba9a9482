using System.Buffers;

namespace Medix.Inference.Kernels;

/// <summary>
/// One weight's part of a low-rank change: for the outputs from <paramref name="First"/> on, <c>Scale · B · A</c> with A [Rank, K] and B [Outputs, Rank], row-major;
/// <paramref name="Lengthening"/> [Outputs] multiplies the changed outputs (DoRA), or is null.
/// </summary>
public sealed record LowRankPart(int First, int Outputs, int Rank, float Scale, float[] A, float[] B, float[]? Lengthening = null);

/// <summary>
/// What an adapter adds to a packed matrix's product without touching the matrix (LoRA, arXiv 2106.09685): y += Scale·B·(A·x) for each weight stacked in it. All A
/// are one matrix, so that x is read once.
/// </summary>
public sealed unsafe class LowRankChange : IDisposable
{
    private const int RowBlock = 16;
    private readonly PackedMatrix down;
    private readonly LowRankPart[] parts;
    private readonly PackedMatrix[] up;

    /// <summary>Packs the parts of a matrix with <paramref name="inputs"/> inputs.</summary>
    public LowRankChange(int inputs, IReadOnlyList<LowRankPart> parts, WorkerPool pool)
    {
        this.parts = [.. parts];
        down = new PackedMatrix(parts.Sum(part => part.Rank), inputs, WeightStorage.Fp32);
        up = new PackedMatrix[this.parts.Length];
        int rank = 0;
        for (int i = 0; i < up.Length; i++)
        {
            LowRankPart part = this.parts[i];
            down.SetRows(rank, part.A, pool);
            up[i] = new PackedMatrix(part.Outputs, part.Rank, WeightStorage.Fp32);
            up[i].SetRows(0, Array.ConvertAll(part.B, value => part.Scale * value), pool);
            rank += part.Rank;
        }
    }

    /// <summary>Whether outputs are lengthened, so that the base's product must be known apart from what it is added to.</summary>
    public bool Lengthens => parts.Any(part => part.Lengthening is not null);

    /// <summary>Adds to C [rows, N], which holds the base's product of A [rows, K], and lengthens it.</summary>
    public void Add(float* a, int lda, float* c, int ldc, int rows)
    {
        int rank = down.N;
        float* low = stackalloc float[RowBlock * rank];
        for (int row = 0; row < rows; row += RowBlock)
        {
            int count = Math.Min(RowBlock, rows - row);
            float* to = c + ((long)row * ldc);
            down.Multiply(a + ((long)row * lda), lda, low, rank, count);
            for (int i = 0, first = 0; i < parts.Length; first += parts[i].Rank, i++)
            {
                up[i].Multiply(low + first, rank, to + parts[i].First, ldc, count, accumulate: true);
                Lengthen(parts[i], to, ldc, count);
            }
        }
    }

    /// <summary>C += lengthening ⊙ (W·A + change), for a matrix whose product is made in a place of its own.</summary>
    internal void AddProduct(PackedMatrix matrix, float* a, int lda, float* c, int ldc, int rows)
    {
        float[] rented = ArrayPool<float>.Shared.Rent(RowBlock * matrix.N);
        fixed (float* product = rented)
        {
            for (int row = 0; row < rows; row += RowBlock)
            {
                int count = Math.Min(RowBlock, rows - row);
                float* from = a + ((long)row * lda);
                matrix.MultiplyBase(from, lda, product, matrix.N, count, false);
                Add(from, lda, product, matrix.N, count);
                for (int i = 0; i < count; i++)
                {
                    RowKernels.Add(c + ((long)(row + i) * ldc), product + ((long)i * matrix.N), matrix.N);
                }
            }
        }

        ArrayPool<float>.Shared.Return(rented);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        down.Dispose();
        foreach (PackedMatrix matrix in up)
        {
            matrix.Dispose();
        }
    }

    private static void Lengthen(LowRankPart part, float* c, int ldc, int rows)
    {
        if (part.Lengthening is null)
        {
            return;
        }

        for (int row = 0; row < rows; row++)
        {
            Span<float> outputs = new(c + ((long)row * ldc) + part.First, part.Outputs);
            System.Numerics.Tensors.TensorPrimitives.Multiply(outputs, part.Lengthening, outputs);
        }
    }
}
