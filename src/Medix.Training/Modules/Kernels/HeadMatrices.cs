using System.Runtime.Intrinsics;

namespace Medix.Training.Modules.Kernels;

/// <summary>Moves one head's rows between the flat token matrices and a thread's scratch, where widths are padded with zeros to whole vectors.</summary>
internal static unsafe class HeadMatrices
{
    private const int Lanes = Padding.Lanes;

    /// <summary>to[row, 0..width) = scale · from[row], columns up to the padded width and rows up to <paramref name="paddedRows"/> zero.</summary>
    public static void Load(float* from, nint ld, int rows, int width, float* to, int paddedRows, int paddedWidth, float scale = 1f)
    {
        for (int row = 0; row < rows; row++, from += ld, to += paddedWidth)
        {
            Scale(from, to, width, scale);
            new Span<float>(to + width, paddedWidth - width).Clear();
        }

        new Span<float>(to, (paddedRows - rows) * paddedWidth).Clear();
    }

    /// <summary>to[i, row] = from[row, i]; columns from <paramref name="rows"/> to <paramref name="paddedRows"/> zero.</summary>
    public static void LoadTransposed(float* from, nint ld, int rows, int width, float* to, nint ldTo, int paddedRows)
    {
        int row = 0;
        for (; row <= rows - Lanes; row += Lanes)
        {
            int column = 0;
            for (; column <= width - Lanes; column += Lanes)
            {
                TransposeBlock(from + (row * ld) + column, ld, to + (column * ldTo) + row, ldTo);
            }

            TransposeRest(from, ld, row, row + Lanes, column, width, to, ldTo);
        }

        TransposeRest(from, ld, row, rows, 0, width, to, ldTo);
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
            Scale(from, to, width, scales is null ? 1f : scales[row]);
        }
    }

    private static void Scale(float* from, float* to, int width, float scale)
    {
        int i = 0;
        for (; i <= width - Lanes; i += Lanes)
        {
            (Vector512.Load(from + i) * scale).Store(to + i);
        }

        for (; i < width; i++)
        {
            to[i] = from[i] * scale;
        }
    }

    private static void TransposeRest(float* from, nint ld, int row, int endRow, int column, int endColumn, float* to, nint ldTo)
    {
        for (int i = column; i < endColumn; i++)
        {
            for (int j = row; j < endRow; j++)
            {
                to[(i * ldTo) + j] = from[(j * ld) + i];
            }
        }
    }

    /// <summary>16 x 16 numbers: columns are gathered by pairs of 4 x 4 transposes of 128-bit parts.</summary>
    private static void TransposeBlock(float* from, nint ld, float* to, nint ldTo)
    {
        for (int row = 0; row < Lanes; row += 4)
        {
            for (int column = 0; column < Lanes; column += 4)
            {
                float* source = from + (row * ld) + column;
                Transpose4(Vector128.Load(source), Vector128.Load(source + ld), Vector128.Load(source + (2 * ld)), Vector128.Load(source + (3 * ld)),
                    to + (column * ldTo) + row, ldTo);
            }
        }
    }

    private static void Transpose4(Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d, float* to, nint ldTo)
    {
        Vector128<float> abLow = Interleave(a, b, upper: false), abHigh = Interleave(a, b, upper: true);
        Vector128<float> cdLow = Interleave(c, d, upper: false), cdHigh = Interleave(c, d, upper: true);
        Vector128.Create(abLow.GetLower(), cdLow.GetLower()).Store(to);
        Vector128.Create(abLow.GetUpper(), cdLow.GetUpper()).Store(to + ldTo);
        Vector128.Create(abHigh.GetLower(), cdHigh.GetLower()).Store(to + (2 * ldTo));
        Vector128.Create(abHigh.GetUpper(), cdHigh.GetUpper()).Store(to + (3 * ldTo));
    }

    /// <summary>a0 b0 a1 b1, or a2 b2 a3 b3.</summary>
    private static Vector128<float> Interleave(Vector128<float> a, Vector128<float> b, bool upper)
    {
        Vector128<float> x = upper ? Vector128.Shuffle(a, Vector128.Create(2, 2, 3, 3)) : Vector128.Shuffle(a, Vector128.Create(0, 0, 1, 1));
        Vector128<float> y = upper ? Vector128.Shuffle(b, Vector128.Create(2, 2, 3, 3)) : Vector128.Shuffle(b, Vector128.Create(0, 0, 1, 1));
        return Vector128.ConditionalSelect(Vector128.Create(-1, 0, -1, 0).AsSingle(), x, y);
    }
}
