using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>Up to 4 rows times an unpacked panel of sub-scaled 4-bit numbers, 256 bits.</summary>
internal static unsafe class Q4KTile256<TDot>
    where TDot : struct, IDot256
{
    public static void Multiply(in QuantisedTile tile)
    {
        for (int half = 0; half < 2; half++)
        {
            switch (tile.Rows)
            {
                case 1: Multiply<N1>(tile, half); break;
                case 2: Multiply<N2>(tile, half); break;
                case 3: Multiply<N3>(tile, half); break;
                default: Multiply<N4>(tile, half); break;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply<TRows>(in QuantisedTile tile, int half)
        where TRows : struct, ICount
    {
        Vector256<float> c0 = default, c1 = default, c2 = default, c3 = default;
        nint ldc = tile.CStride, l = tile.AStride;
        float* c = tile.C + (half * 8);
        if (tile.Accumulate)
        {
            c0 = Vector256.Load(c);
            if (TRows.Value > 1) { c1 = Vector256.Load(c + ldc); }
            if (TRows.Value > 2) { c2 = Vector256.Load(c + (2 * ldc)); }
            if (TRows.Value > 3) { c3 = Vector256.Load(c + (3 * ldc)); }
        }

        byte* p = tile.Panel + (half * Dot256.HalfBytes), a = tile.A;
        for (int unit = tile.Units; unit > 0; unit--)
        {
            Vector256<int> i0 = default, i1 = default, i2 = default, i3 = default;
            for (int block = Q4KPacking.Blocks; block > 0; block--, p += Unpacking.Q4KBlock, a += Activations.BlockBytes)
            {
                Rows256 sums = TDot.Scaled<TRows>(p, a, l, Vector256.Load((short*)(p + 512)));
                Vector256<float> minimum = Vector256.Load((float*)(p + 576));
                i0 += sums.S0;
                c0 = Dot256.AddMinimum(c0, minimum, a);
                if (TRows.Value > 1) { i1 += sums.S1; c1 = Dot256.AddMinimum(c1, minimum, a + l); }
                if (TRows.Value > 2) { i2 += sums.S2; c2 = Dot256.AddMinimum(c2, minimum, a + (2 * l)); }
                if (TRows.Value > 3) { i3 += sums.S3; c3 = Dot256.AddMinimum(c3, minimum, a + (3 * l)); }
            }

            // The blocks of a unit have one activation scale: the last block's is read.
            Vector256<float> d = Vector256.Load((float*)p);
            byte* s = a - Activations.BlockBytes;
            p += Unpacking.Q4KUnit - (Q4KPacking.Blocks * Unpacking.Q4KBlock);
            c0 = Dot256.AddTotal(c0, i0, d, s);
            if (TRows.Value > 1) { c1 = Dot256.AddTotal(c1, i1, d, s + l); }
            if (TRows.Value > 2) { c2 = Dot256.AddTotal(c2, i2, d, s + (2 * l)); }
            if (TRows.Value > 3) { c3 = Dot256.AddTotal(c3, i3, d, s + (3 * l)); }
        }

        c0.Store(c);
        if (TRows.Value > 1) { c1.Store(c + ldc); }
        if (TRows.Value > 2) { c2.Store(c + (2 * ldc)); }
        if (TRows.Value > 3) { c3.Store(c + (3 * ldc)); }
    }
}
