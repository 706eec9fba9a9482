using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Training.Modules.Kernels;

/// <summary>
/// Small matrix products on one thread, for operands that already lie in the nearest caches: <c>C (+)= A · B</c> with any strides of A
/// (an element is at <c>a + row·rowStride + step·stepStride</c>). Rows are a multiple of <see cref="Rows"/>, columns of 16: callers pad.
/// </summary>
internal static unsafe class TileProduct
{
    /// <summary>Rows of a tile: 8 x 32 numbers are 16 accumulators, enough to hide the latency of a multiply-add.</summary>
    public const int Rows = 8;

    private const int Lanes = Padding.Lanes;

    public static void Multiply(float* a, nint rowStride, nint stepStride, float* b, nint ldb, float* c, nint ldc, int rows, int columns, int steps, bool add)
    {
        for (int row = 0; row < rows; row += Rows)
        {
            float* aTile = a + (row * rowStride), cTile = c + (row * ldc);
            int column = 0;
            for (; column <= columns - (2 * Lanes); column += 2 * Lanes)
            {
                Wide(aTile, rowStride, stepStride, b + column, ldb, cTile + column, ldc, steps, add);
            }

            if (column < columns)
            {
                Narrow(aTile, rowStride, stepStride, b + column, ldb, cTile + column, ldc, steps, add);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide(float* a, nint row, nint step, float* b, nint ldb, float* c, nint ldc, int steps, bool add)
    {
        Pair r0 = default, r1 = default, r2 = default, r3 = default, r4 = default, r5 = default, r6 = default, r7 = default;
        if (add)
        {
            r0 = Pair.Load(c);
            r1 = Pair.Load(c + ldc);
            r2 = Pair.Load(c + (2 * ldc));
            r3 = Pair.Load(c + (3 * ldc));
            r4 = Pair.Load(c + (4 * ldc));
            r5 = Pair.Load(c + (5 * ldc));
            r6 = Pair.Load(c + (6 * ldc));
            r7 = Pair.Load(c + (7 * ldc));
        }

        float* a4 = a + (4 * row);
        nint row3 = 3 * row;
        for (int k = steps; k > 0; k--)
        {
            Pair w = Pair.Load(b);
            r0 = r0.Add(*a, w);
            r1 = r1.Add(a[row], w);
            r2 = r2.Add(a[2 * row], w);
            r3 = r3.Add(a[row3], w);
            r4 = r4.Add(*a4, w);
            r5 = r5.Add(a4[row], w);
            r6 = r6.Add(a4[2 * row], w);
            r7 = r7.Add(a4[row3], w);
            a += step;
            a4 += step;
            b += ldb;
        }

        r0.Store(c);
        r1.Store(c + ldc);
        r2.Store(c + (2 * ldc));
        r3.Store(c + (3 * ldc));
        r4.Store(c + (4 * ldc));
        r5.Store(c + (5 * ldc));
        r6.Store(c + (6 * ldc));
        r7.Store(c + (7 * ldc));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow(float* a, nint row, nint step, float* b, nint ldb, float* c, nint ldc, int steps, bool add)
    {
        for (int r = 0; r < Rows; r++, a += row, c += ldc)
        {
            Vector512<float> sum = add ? Vector512.Load(c) : default;
            for (int k = 0; k < steps; k++)
            {
                sum = Vector512.FusedMultiplyAdd(Vector512.Create(a[k * step]), Vector512.Load(b + (k * ldb)), sum);
            }

            sum.Store(c);
        }
    }

    private struct Pair
    {
        private Vector512<float> low, high;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Pair Load(float* p) => new() { low = Vector512.Load(p), high = Vector512.Load(p + Lanes) };

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Pair Add(float value, Pair w)
        {
            Vector512<float> x = Vector512.Create(value);
            return new() { low = Vector512.FusedMultiplyAdd(x, w.low, low), high = Vector512.FusedMultiplyAdd(x, w.high, high) };
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Store(float* p)
        {
            low.Store(p);
            high.Store(p + Lanes);
        }
    }
}
