using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>Up to 8 rows times an unpacked panel of sub-scaled 4-bit numbers, AVX-512: a block's scale multiplies the sums as they are widened.</summary>
internal static unsafe class Q4KTile512
{
    public static void Multiply(in QuantisedTile tile)
    {
        switch (tile.Rows)
        {
            case 1: Multiply<N1>(tile); break;
            case 2: Multiply<N2>(tile); break;
            case 3: Multiply<N3>(tile); break;
            case 4: Multiply<N4>(tile); break;
            case 5: Multiply<N5>(tile); break;
            case 6: Multiply<N6>(tile); break;
            case 7: Multiply<N7>(tile); break;
            default: Multiply<N8>(tile); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply<TRows>(in QuantisedTile tile)
        where TRows : struct, ICount
    {
        Vector512<float> c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default, c6 = default, c7 = default;
        nint ldc = tile.CStride;
        float* c = tile.C;
        if (tile.Accumulate)
        {
            c0 = Vector512.Load(c);
            if (TRows.Value > 1) { c1 = Vector512.Load(c + ldc); }
            if (TRows.Value > 2) { c2 = Vector512.Load(c + (2 * ldc)); }
            if (TRows.Value > 3) { c3 = Vector512.Load(c + (3 * ldc)); }
            if (TRows.Value > 4) { c4 = Vector512.Load(c + (4 * ldc)); }
            if (TRows.Value > 5) { c5 = Vector512.Load(c + (5 * ldc)); }
            if (TRows.Value > 6) { c6 = Vector512.Load(c + (6 * ldc)); }
            if (TRows.Value > 7) { c7 = Vector512.Load(c + (7 * ldc)); }
        }

        nint l = tile.AStride, l3 = 3 * l;
        byte* p = tile.Panel, a = tile.A, b = a + (4 * l), ahead = tile.Ahead;
        for (int unit = tile.Units; unit > 0; unit--)
        {
            Vector512<int> i0 = default, i1 = default, i2 = default, i3 = default, i4 = default, i5 = default, i6 = default, i7 = default;
            for (int block = Q4KPacking.Blocks; block > 0; block--)
            {
                Numbers512 w = new(p, 64);
                Vector512<short> scale = Vector512.Load((short*)(p + 512));
                Vector512<float> minimum = Vector512.Load((float*)(p + 576));
                Ahead.NextPass(ahead);
                i0 += Dot512.Whole(w.Pairs(a), scale);
                c0 = Dot512.AddMinimum(c0, minimum, a);
                if (TRows.Value > 1) { i1 += Dot512.Whole(w.Pairs(a + l), scale); c1 = Dot512.AddMinimum(c1, minimum, a + l); }
                if (TRows.Value > 2) { i2 += Dot512.Whole(w.Pairs(a + (2 * l)), scale); c2 = Dot512.AddMinimum(c2, minimum, a + (2 * l)); }
                if (TRows.Value > 3) { i3 += Dot512.Whole(w.Pairs(a + l3), scale); c3 = Dot512.AddMinimum(c3, minimum, a + l3); }
                if (TRows.Value > 4) { i4 += Dot512.Whole(w.Pairs(b), scale); c4 = Dot512.AddMinimum(c4, minimum, b); }
                if (TRows.Value > 5) { i5 += Dot512.Whole(w.Pairs(b + l), scale); c5 = Dot512.AddMinimum(c5, minimum, b + l); }
                if (TRows.Value > 6) { i6 += Dot512.Whole(w.Pairs(b + (2 * l)), scale); c6 = Dot512.AddMinimum(c6, minimum, b + (2 * l)); }
                if (TRows.Value > 7) { i7 += Dot512.Whole(w.Pairs(b + l3), scale); c7 = Dot512.AddMinimum(c7, minimum, b + l3); }
                p += Unpacking.Q4KBlock;
                ahead += Q4KPacking.UnitBytes / Q4KPacking.Blocks;
                a += Activations.BlockBytes;
                b += Activations.BlockBytes;
            }

            // The blocks of a unit have one activation scale: the last block's is read.
            Vector512<float> d = Vector512.Load((float*)p);
            byte* s = a - Activations.BlockBytes, t = b - Activations.BlockBytes;
            p += Unpacking.Q4KUnit - (Q4KPacking.Blocks * Unpacking.Q4KBlock);
            c0 = Dot512.AddTotal(c0, i0, d, s);
            if (TRows.Value > 1) { c1 = Dot512.AddTotal(c1, i1, d, s + l); }
            if (TRows.Value > 2) { c2 = Dot512.AddTotal(c2, i2, d, s + (2 * l)); }
            if (TRows.Value > 3) { c3 = Dot512.AddTotal(c3, i3, d, s + l3); }
            if (TRows.Value > 4) { c4 = Dot512.AddTotal(c4, i4, d, t); }
            if (TRows.Value > 5) { c5 = Dot512.AddTotal(c5, i5, d, t + l); }
            if (TRows.Value > 6) { c6 = Dot512.AddTotal(c6, i6, d, t + (2 * l)); }
            if (TRows.Value > 7) { c7 = Dot512.AddTotal(c7, i7, d, t + l3); }
        }

        c0.Store(c);
        if (TRows.Value > 1) { c1.Store(c + ldc); }
        if (TRows.Value > 2) { c2.Store(c + (2 * ldc)); }
        if (TRows.Value > 3) { c3.Store(c + (3 * ldc)); }
        if (TRows.Value > 4) { c4.Store(c + (4 * ldc)); }
        if (TRows.Value > 5) { c5.Store(c + (5 * ldc)); }
        if (TRows.Value > 6) { c6.Store(c + (6 * ldc)); }
        if (TRows.Value > 7) { c7.Store(c + (7 * ldc)); }
    }
}
