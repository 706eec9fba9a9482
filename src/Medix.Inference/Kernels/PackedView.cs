using System.Runtime.InteropServices;

namespace Medix.Inference.Kernels;

/// <summary>
/// A matrix B [K, N] cut into panels of columns, each stored [K, columns] so that a tile reads it in one forward stream. The last panel is as wide as
/// the remaining columns need in whole vectors, padded with zeros. Holds no memory itself.
/// </summary>
internal readonly unsafe struct PackedView
{
    /// <summary>Steps of k that a tile takes at once: a panel's part then stays in the nearest cache for all row tiles of a block.</summary>
    private const int StepBlock = 256;

    private const int MaxTile = 8 * 48;

    private readonly byte* data;
    private readonly delegate*<in Tile, void> kernel;
    private readonly int size;
    private readonly int lanes;
    private readonly int panelColumns;
    private readonly int tileRows;

    public PackedView(byte* data, KernelSet kernels, bool bfloat16, int n, int k)
    {
        this.data = data;
        N = n;
        K = k;
        kernel = bfloat16 ? kernels.MultiplyBFloat16 : kernels.MultiplyFloat32;
        size = bfloat16 ? sizeof(ushort) : sizeof(float);
        lanes = kernels.Lanes;
        panelColumns = kernels.PanelColumns;
        tileRows = kernels.TileRows;
    }

    public int N { get; }

    public int K { get; }

    public int Panels => (N + panelColumns - 1) / panelColumns;

    /// <summary>Bytes of a packed matrix.</summary>
    public static long SizeOf(KernelSet kernels, bool bfloat16, int n, int k) =>
        checked((long)kernels.RoundUp(n) * k * (bfloat16 ? sizeof(ushort) : sizeof(float)));

    /// <summary>
    /// <c>C[rows, N] (+)= A[rows, K] · B</c> for the columns of the panels [<paramref name="first"/>, <paramref name="end"/>), on the calling thread.
    /// </summary>
    public void Multiply(float* a, nint rowStride, nint stepStride, float* c, nint ldc, int rows, int first, int end, bool accumulate)
    {
        int tiles = (rows + tileRows - 1) / tileRows;
        int height = (rows + tiles - 1) / Math.Max(tiles, 1);
        for (int k = 0; k < K || k == 0; k += StepBlock)
        {
            for (int panel = first; panel < end; panel++)
            {
                Tile tile = new()
                {
                    RowStride = rowStride,
                    StepStride = stepStride,
                    Panel = Block(panel, k),
                    PanelStride = Width(panel) * size,
                    CStride = ldc,
                    Steps = Math.Min(StepBlock, K - k),
                    Vectors = Width(panel) / lanes,
                    Accumulate = accumulate || k > 0,
                };
                int columns = Math.Min(panelColumns, N - (panel * panelColumns));
                for (int row = 0; row < rows; row += height)
                {
                    tile.Rows = Math.Min(height, rows - row);
                    tile.A = a + (row * rowStride) + (k * stepStride);
                    tile.C = c + (row * ldc) + (panel * panelColumns);
                    MultiplyTile(tile, columns);
                }
            }
        }
    }

    /// <summary>Reads back the weights of one output, [K].</summary>
    public void CopyRow(int output, float* target)
    {
        int panel = output / panelColumns;
        int width = Width(panel);
        byte* source = Block(panel, 0) + (output % panelColumns * size);
        for (int k = 0; k < K; k++, source += width * size)
        {
            target[k] = size == sizeof(float) ? *(float*)source : BFloat16Format.ToSingle(*(ushort*)source);
        }
    }

    /// <summary>Packs the rows [N, K] of a Linear weight, which are in the packed format already: panel by panel in [<paramref name="first"/>, <paramref name="end"/>).</summary>
    public void PackTransposed(void* b, nint ldb, int first, int end)
    {
        for (int panel = first; panel < end; panel++)
        {
            int columns = Math.Min(panelColumns, N - (panel * panelColumns));
            nint start = panel * panelColumns * ldb;
            if (size == sizeof(float))
            {
                PackRows((float*)b + start, ldb, columns, panel, 0);
            }
            else
            {
                PackRows((ushort*)b + start, ldb, columns, panel);
            }

            ClearColumns(panel, columns);
        }
    }

    private void PackRows(ushort* b, nint ldb, int rows, int panel)
    {
        int width = Width(panel);
        const int block = 32;
        for (int k = 0; k < K; k += block)
        {
            int steps = Math.Min(block, K - k);
            for (int j = 0; j < rows; j++)
            {
                ushort* source = b + (j * ldb) + k, target = (ushort*)Block(panel, k) + j;
                for (int i = 0; i < steps; i++, target += width)
                {
                    *target = source[i];
                }
            }
        }
    }

    /// <summary>Packs rows of a Linear weight into one panel from <paramref name="column"/> on.</summary>
    public void PackRows(float* b, nint ldb, int rows, int panel, int column)
    {
        int width = Width(panel);
        const int block = 16;
        for (int k = 0; k < K; k += block)
        {
            int steps = Math.Min(block, K - k);
            for (int j = 0; j < rows; j++)
            {
                float* source = b + (j * ldb) + k;
                if (size == sizeof(float))
                {
                    float* target = (float*)Block(panel, k) + column + j;
                    for (int i = 0; i < steps; i++, target += width)
                    {
                        *target = source[i];
                    }
                }
                else
                {
                    ushort* target = (ushort*)Block(panel, k) + column + j;
                    for (int i = 0; i < steps; i++, target += width)
                    {
                        *target = BFloat16Format.Round(source[i]);
                    }
                }
            }
        }
    }

    /// <summary>Packs B [K, N] as it stands, which is in the packed format already.</summary>
    public void PackPlain(void* b, nint ldb, int first, int end)
    {
        for (int panel = first; panel < end; panel++)
        {
            int columns = Math.Min(panelColumns, N - (panel * panelColumns));
            int width = Width(panel);
            byte* target = Block(panel, 0);
            byte* source = (byte*)b + ((nint)panel * panelColumns * size);
            for (int k = 0; k < K; k++, target += width * size, source += ldb * size)
            {
                NativeMemory.Copy(source, target, (nuint)(columns * size));
            }

            ClearColumns(panel, columns);
        }
    }

    private int Width(int panel) => Math.Min(panelColumns, (N - (panel * panelColumns) + lanes - 1) / lanes * lanes);

    private byte* Block(int panel, int k) => data + (((long)panel * panelColumns * K) + ((long)k * Width(panel))) * size;

    private void ClearColumns(int panel, int from)
    {
        int width = Width(panel);
        for (int k = 0; k < K && from < width; k++)
        {
            NativeMemory.Clear(Block(panel, k) + (from * size), (nuint)((width - from) * size));
        }
    }

    /// <summary>A tile that reaches beyond the last column is computed in a buffer of whole vectors.</summary>
    private void MultiplyTile(in Tile tile, int columns)
    {
        int width = tile.Vectors * lanes;
        if (columns == width)
        {
            kernel(tile);
            return;
        }

        float* buffer = stackalloc float[MaxTile];
        Tile inside = tile;
        inside.C = buffer;
        inside.CStride = width;
        if (tile.Accumulate)
        {
            CopyRows(tile.C, tile.CStride, buffer, width, tile.Rows, columns);
        }

        kernel(inside);
        CopyRows(buffer, width, tile.C, tile.CStride, tile.Rows, columns);
    }

    private static void CopyRows(float* source, nint sourceStride, float* target, nint targetStride, int rows, int columns)
    {
        for (int row = 0; row < rows; row++)
        {
            NativeMemory.Copy(source + (row * sourceStride), target + (row * targetStride), (nuint)columns * sizeof(float));
        }
    }
}
