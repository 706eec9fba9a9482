namespace Medix.Training.Modules.Kernels;

/// <summary>Moves one head's rows between the flat token matrices and a thread's scratch, where widths are padded with zeros to whole vectors.</summary>
internal static unsafe class HeadMatrices
{
    /// <summary>to[row, 0..width) = scale · from[row], columns up to the padded width and rows up to <paramref name="paddedRows"/> zero.</summary>
    public static void Load(float* from, nint ld, int rows, int width, float* to, int paddedRows, int paddedWidth, float scale = 1f)
    {
        for (int row = 0; row < rows; row++, from += ld, to += paddedWidth)
        {
            for (int i = 0; i < width; i++)
            {
                to[i] = from[i] * scale;
            }

            new Span<float>(to + width, paddedWidth - width).Clear();
        }

        new Span<float>(to, (paddedRows - rows) * paddedWidth).Clear();
    }

    /// <summary>to[i, row] = from[row, i]; columns from <paramref name="rows"/> to <paramref name="paddedRows"/> zero.</summary>
    public static void LoadTransposed(float* from, nint ld, int rows, int width, float* to, nint ldTo, int paddedRows)
    {
        const int block = 16;
        for (int first = 0; first < rows; first += block)
        {
            int end = Math.Min(rows, first + block);
            for (int i = 0; i < width; i++)
            {
                for (int row = first; row < end; row++)
                {
                    to[(i * ldTo) + row] = from[(row * ld) + i];
                }
            }
        }

        for (int i = 0; i < width; i++)
        {
            new Span<float>(to + (i * ldTo) + rows, paddedRows - rows).Clear();
        }
    }

    /// <summary>to[row] = scales[row] · from[row], or the plain rows where there are no scales.</summary>
    public static void Store(float* from, int rows, int width, int paddedWidth, float* to, nint ld, float* scales)
    {
        for (int row = 0; row < rows; row++, from += paddedWidth, to += ld)
        {
            float scale = scales is null ? 1f : scales[row];
            for (int i = 0; i < width; i++)
            {
                to[i] = from[i] * scale;
            }
        }
    }

    /// <summary>The next multiple of a tile's rows.</summary>
    public static int RoundUpRows(int rows) => (rows + TileProduct.Rows - 1) / TileProduct.Rows * TileProduct.Rows;
}
