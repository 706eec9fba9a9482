using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>Up to 4 rows times an unpacked panel of 4-bit numbers, AVX2: 8 outputs at a time.</summary>
internal static unsafe class Q4Tile256
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

        Vector256<short> ones = Vector256.Create((short)1);
        byte* p = tile.Panel + (half * Dot256.HalfBytes), a = tile.A;
        for (int block = 2 * tile.Units; block > 0; block--, p += Unpacking.Q4Block, a += Activations.BlockBytes)
        {
            Pairs256 pairs = Pairs256.Of<TRows>(p, 64, a, l);
            Vector256<float> scale = Vector256.Load((float*)(p + 512));
            c0 = Dot256.Add(c0, Dot256.Whole(pairs.S0, ones), scale, a);
            if (TRows.Value > 1) { c1 = Dot256.Add(c1, Dot256.Whole(pairs.S1, ones), scale, a + l); }
            if (TRows.Value > 2) { c2 = Dot256.Add(c2, Dot256.Whole(pairs.S2, ones), scale, a + (2 * l)); }
            if (TRows.Value > 3) { c3 = Dot256.Add(c3, Dot256.Whole(pairs.S3, ones), scale, a + (3 * l)); }
        }

        c0.Store(c);
        if (TRows.Value > 1) { c1.Store(c + ldc); }
        if (TRows.Value > 2) { c2.Store(c + (2 * ldc)); }
        if (TRows.Value > 3) { c3.Store(c + (3 * ldc)); }
    }
}
