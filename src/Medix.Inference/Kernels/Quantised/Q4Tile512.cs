using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>
/// Up to 16 rows times a packed panel of 4-bit numbers, AVX-512: 16 accumulators, a block's 8 vectors of numbers and its scales stay in registers. So many rows meet a
/// block that taking its numbers apart costs a twentieth, less than to do it once and read the parts again.
/// </summary>
internal static unsafe class Q4Tile512
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
            case 8: Multiply<N8>(tile); break;
            case 9: Multiply<N9>(tile); break;
            case 10: Multiply<N10>(tile); break;
            case 11: Multiply<N11>(tile); break;
            case 12: Multiply<N12>(tile); break;
            case 13: Multiply<N13>(tile); break;
            case 14: Multiply<N14>(tile); break;
            case 15: Multiply<N15>(tile); break;
            default: Multiply<N16>(tile); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply<TRows>(in QuantisedTile tile)
        where TRows : struct, ICount
    {
        Vector512<float> c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default, c6 = default, c7 = default;
        Vector512<float> c8 = default, c9 = default, c10 = default, c11 = default, c12 = default, c13 = default, c14 = default, c15 = default;
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
            if (TRows.Value > 8) { c8 = Vector512.Load(c + (8 * ldc)); }
            if (TRows.Value > 9) { c9 = Vector512.Load(c + (9 * ldc)); }
            if (TRows.Value > 10) { c10 = Vector512.Load(c + (10 * ldc)); }
            if (TRows.Value > 11) { c11 = Vector512.Load(c + (11 * ldc)); }
            if (TRows.Value > 12) { c12 = Vector512.Load(c + (12 * ldc)); }
            if (TRows.Value > 13) { c13 = Vector512.Load(c + (13 * ldc)); }
            if (TRows.Value > 14) { c14 = Vector512.Load(c + (14 * ldc)); }
            if (TRows.Value > 15) { c15 = Vector512.Load(c + (15 * ldc)); }
        }

        Vector512<short> ones = Vector512.Create((short)1);
        nint l = tile.AStride, l3 = 3 * l;
        byte* p = tile.Panel, a = tile.A, b = a + (4 * l), d = a + (8 * l), e = a + (12 * l);

        // The fewer rows meet a block, the sooner the next is needed.
        int ahead = TRows.Value > 8 ? Ahead.Distance : TRows.Value > 4 ? 2 * Ahead.Distance : 4 * Ahead.Distance;
        for (int unit = tile.Units; unit > 0; unit--)
        {
            for (int block = 0; block < 2; block++)
            {
                Numbers512 w = Numbers512.Unpack(p + (block * Q4Packing.BlockBytes));
                Vector512<float> scale = Unpacking.Scales(Q4Packing.Scales(p, block));
                Ahead.Block(p + (block * Q4Packing.UnitBytes / 2), ahead);
                c0 = Dot512.Add(c0, Dot512.Whole(w.Pairs(a), ones), scale, a);
                if (TRows.Value > 1) { c1 = Dot512.Add(c1, Dot512.Whole(w.Pairs(a + l), ones), scale, a + l); }
                if (TRows.Value > 2) { c2 = Dot512.Add(c2, Dot512.Whole(w.Pairs(a + (2 * l)), ones), scale, a + (2 * l)); }
                if (TRows.Value > 3) { c3 = Dot512.Add(c3, Dot512.Whole(w.Pairs(a + l3), ones), scale, a + l3); }
                if (TRows.Value > 4) { c4 = Dot512.Add(c4, Dot512.Whole(w.Pairs(b), ones), scale, b); }
                if (TRows.Value > 5) { c5 = Dot512.Add(c5, Dot512.Whole(w.Pairs(b + l), ones), scale, b + l); }
                if (TRows.Value > 6) { c6 = Dot512.Add(c6, Dot512.Whole(w.Pairs(b + (2 * l)), ones), scale, b + (2 * l)); }
                if (TRows.Value > 7) { c7 = Dot512.Add(c7, Dot512.Whole(w.Pairs(b + l3), ones), scale, b + l3); }
                if (TRows.Value > 8) { c8 = Dot512.Add(c8, Dot512.Whole(w.Pairs(d), ones), scale, d); }
                if (TRows.Value > 9) { c9 = Dot512.Add(c9, Dot512.Whole(w.Pairs(d + l), ones), scale, d + l); }
                if (TRows.Value > 10) { c10 = Dot512.Add(c10, Dot512.Whole(w.Pairs(d + (2 * l)), ones), scale, d + (2 * l)); }
                if (TRows.Value > 11) { c11 = Dot512.Add(c11, Dot512.Whole(w.Pairs(d + l3), ones), scale, d + l3); }
                if (TRows.Value > 12) { c12 = Dot512.Add(c12, Dot512.Whole(w.Pairs(e), ones), scale, e); }
                if (TRows.Value > 13) { c13 = Dot512.Add(c13, Dot512.Whole(w.Pairs(e + l), ones), scale, e + l); }
                if (TRows.Value > 14) { c14 = Dot512.Add(c14, Dot512.Whole(w.Pairs(e + (2 * l)), ones), scale, e + (2 * l)); }
                if (TRows.Value > 15) { c15 = Dot512.Add(c15, Dot512.Whole(w.Pairs(e + l3), ones), scale, e + l3); }
                a += Activations.BlockBytes;
                b += Activations.BlockBytes;
                d += Activations.BlockBytes;
                e += Activations.BlockBytes;
            }

            p += Q4Packing.UnitBytes;
        }

        c0.Store(c);
        if (TRows.Value > 1) { c1.Store(c + ldc); }
        if (TRows.Value > 2) { c2.Store(c + (2 * ldc)); }
        if (TRows.Value > 3) { c3.Store(c + (3 * ldc)); }
        if (TRows.Value > 4) { c4.Store(c + (4 * ldc)); }
        if (TRows.Value > 5) { c5.Store(c + (5 * ldc)); }
        if (TRows.Value > 6) { c6.Store(c + (6 * ldc)); }
        if (TRows.Value > 7) { c7.Store(c + (7 * ldc)); }
        if (TRows.Value > 8) { c8.Store(c + (8 * ldc)); }
        if (TRows.Value > 9) { c9.Store(c + (9 * ldc)); }
        if (TRows.Value > 10) { c10.Store(c + (10 * ldc)); }
        if (TRows.Value > 11) { c11.Store(c + (11 * ldc)); }
        if (TRows.Value > 12) { c12.Store(c + (12 * ldc)); }
        if (TRows.Value > 13) { c13.Store(c + (13 * ldc)); }
        if (TRows.Value > 14) { c14.Store(c + (14 * ldc)); }
        if (TRows.Value > 15) { c15.Store(c + (15 * ldc)); }
    }
}
