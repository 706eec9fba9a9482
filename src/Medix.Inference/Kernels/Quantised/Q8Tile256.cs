using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>Up to 4 rows times an unpacked panel of 8-bit numbers, AVX2: lower and upper halves are summed as 4-bit numbers are.</summary>
internal static unsafe class Q8Tile256
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
        for (int block = 2 * tile.Units; block > 0; block--, p += Unpacking.PlanesBlock, a += Activations.BlockBytes)
        {
            Pairs256 low = Pairs256.Of<TRows>(p, 128, a, l), high = Pairs256.Of<TRows>(p + 64, 128, a, l);
            Vector256<float> scale = Vector256.Load((float*)(p + 1024));
            c0 = Dot256.Add(c0, Dot256.Join(low.S0, high.S0), scale, a);
            if (TRows.Value > 1) { c1 = Dot256.Add(c1, Dot256.Join(low.S1, high.S1), scale, a + l); }
            if (TRows.Value > 2) { c2 = Dot256.Add(c2, Dot256.Join(low.S2, high.S2), scale, a + (2 * l)); }
            if (TRows.Value > 3) { c3 = Dot256.Add(c3, Dot256.Join(low.S3, high.S3), scale, a + (3 * l)); }
        }

        c0.Store(c);
        if (TRows.Value > 1) { c1.Store(c + ldc); }
        if (TRows.Value > 2) { c2.Store(c + (2 * ldc)); }
        if (TRows.Value > 3) { c3.Store(c + (3 * ldc)); }
    }
}
