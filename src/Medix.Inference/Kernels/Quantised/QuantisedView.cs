using System.Runtime.InteropServices;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>A quantised weight [N, K] in panels (<see cref="QuantisedFormat"/>), and its products. Holds no memory itself.</summary>
internal readonly unsafe struct QuantisedView
{
    private const int Line = 64;
    private const int MostTileRows = 16;
    private const int MostUnpacked = 24 * 1024;

    private readonly byte* data;
    private readonly FormatKernels kernels;
    private readonly int units;

    public QuantisedView(byte* data, QuantisedFormat format, QuantisedKernels kernels, int n, int k)
    {
        this.data = data;
        Format = format;
        this.kernels = kernels.Of(format);
        units = format.Units(k);
        N = n;
        K = k;
    }

    public QuantisedFormat Format { get; }

    public int N { get; }

    public int K { get; }

    public int Panels => QuantisedFormat.Panels(N);

    /// <summary>Packs one output's weights [K], each value's error counting as much as its importance [K] says (null for all alike).</summary>
    public void PackRow(int output, float* weights, float* importance)
    {
        float* values = stackalloc float[Q4KPacking.UnitSteps];
        float* counts = stackalloc float[Q4KPacking.UnitSteps];
        int steps = Format.UnitSteps;
        for (int unit = 0, from = 0; unit < units; unit++, from += steps)
        {
            int inside = Math.Min(steps, K - from);
            new ReadOnlySpan<float>(weights + from, inside).CopyTo(new Span<float>(values, steps));
            new Span<float>(values + inside, steps - inside).Clear();
            new Span<float>(counts, inside).Fill(1);
            new Span<float>(counts + inside, steps - inside).Clear();
            if (importance is not null)
            {
                new ReadOnlySpan<float>(importance + from, inside).CopyTo(new Span<float>(counts, steps));
            }

            Format.Encode(Unit(output / QuantisedFormat.PanelRows, unit), output % QuantisedFormat.PanelRows, values, counts);
        }
    }

    /// <summary>Reads back one output's weights [K].</summary>
    public void CopyRow(int output, float* target)
    {
        float* values = stackalloc float[Q4KPacking.UnitSteps];
        int steps = Format.UnitSteps;
        for (int unit = 0, from = 0; unit < units; unit++, from += steps)
        {
            Format.Decode(Unit(output / QuantisedFormat.PanelRows, unit), output % QuantisedFormat.PanelRows, values);
            new ReadOnlySpan<float>(values, Math.Min(steps, K - from)).CopyTo(new Span<float>(target + from, K - from));
        }
    }

    /// <summary>
    /// <c>C[rows, N] (+)= A[rows, K] · Wᵀ</c> for the outputs of the panels [<paramref name="first"/>, <paramref name="end"/>), on the calling thread; A is encoded
    /// (<see cref="Activations"/>), <paramref name="stride"/> bytes from row to row. A row's result does not depend on the rows beside it.
    /// </summary>
    public void Multiply(byte* a, nint stride, float* c, nint ldc, int rows, int first, int end, bool accumulate)
    {
        byte* buffer = stackalloc byte[rows == 1 || kernels.Unpack is null ? 0 : MostUnpacked + Line];
        byte* unpacked = (byte*)(((nint)buffer + Line - 1) & -Line);
        int step = 1;
        for (int panel = first; panel < end; panel += step)
        {
            QuantisedTile tile = new()
            {
                Panel = Unit(panel, 0), A = a, AStride = stride, C = c + ((nint)panel * QuantisedFormat.PanelRows), CStride = ldc, Units = units, Rows = rows,
                Accumulate = accumulate,
            };
            int outputs = Math.Min(QuantisedFormat.PanelRows, N - (panel * QuantisedFormat.PanelRows));
            if (rows == 1)
            {
                tile.Panels = step = (panel + 2) * QuantisedFormat.PanelRows <= N && panel + 1 < end ? kernels.RowPanels : 1;
                Run(kernels.Row, tile, outputs);
            }
            else
            {
                MultiplyRows(tile, rows, outputs, unpacked);
            }
        }
    }

    /// <summary>A panel's first byte.</summary>
    public byte* Panel(int panel) => Unit(panel, 0);

    private byte* Unit(int panel, int unit) => data + ((((long)panel * units) + unit) * Format.UnitBytes);

    /// <summary>A part of the panel, unpacked where the tile wants it so, is met by all rows; the sums so far wait in C.</summary>
    private void MultiplyRows(QuantisedTile tile, int rows, int outputs, byte* unpacked)
    {
        byte* packed = tile.Panel, a = tile.A;
        float* c = tile.C;
        int tiles = (rows + kernels.TileRows - 1) / kernels.TileRows, height = (rows + tiles - 1) / tiles;
        int blocks = Format.UnitSteps / QuantisedFormat.BlockSteps;
        for (int unit = 0; unit == 0 || unit < units; unit += kernels.PassUnits)
        {
            tile.Units = Math.Min(kernels.PassUnits, units - unit);
            tile.Accumulate |= unit > 0;
            tile.Ahead = packed + ((long)(unit + tile.Units) * Format.UnitBytes);
            tile.Panel = packed + ((long)unit * Format.UnitBytes);
            if (kernels.Unpack is not null)
            {
                kernels.Unpack(tile.Panel, tile.Units, unpacked);
                tile.Panel = unpacked;
            }

            for (int row = 0; row < rows; row += height)
            {
                tile.Rows = Math.Min(height, rows - row);
                tile.A = a + (row * tile.AStride) + (unit * blocks * Activations.BlockBytes);
                tile.C = c + (row * tile.CStride);
                Run(kernels.Tile, tile, outputs);
            }
        }
    }

    /// <summary>A tile that reaches beyond the last output is computed in a buffer of whole panels.</summary>
    private static void Run(delegate*<in QuantisedTile, void> kernel, in QuantisedTile tile, int outputs)
    {
        if (outputs == QuantisedFormat.PanelRows)
        {
            kernel(tile);
            return;
        }

        float* buffer = stackalloc float[MostTileRows * QuantisedFormat.PanelRows];
        QuantisedTile inside = tile;
        inside.C = buffer;
        inside.CStride = QuantisedFormat.PanelRows;
        if (tile.Accumulate)
        {
            CopyRows(tile.C, tile.CStride, buffer, QuantisedFormat.PanelRows, tile.Rows, outputs);
        }

        kernel(inside);
        CopyRows(buffer, QuantisedFormat.PanelRows, tile.C, tile.CStride, tile.Rows, outputs);
    }

    private static void CopyRows(float* source, nint sourceStride, float* target, nint targetStride, int rows, int outputs)
    {
        for (int row = 0; row < rows; row++)
        {
            NativeMemory.Copy(source + (row * sourceStride), target + (row * targetStride), (nuint)outputs * sizeof(float));
        }
    }
}
