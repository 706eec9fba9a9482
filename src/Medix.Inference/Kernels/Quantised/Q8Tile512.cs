using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>Up to 8 rows times an unpacked panel of 8-bit numbers, AVX-512: lower and upper halves are summed as 4-bit numbers are.</summary>
internal static unsafe class Q8Tile512
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
        for (int block = 2 * tile.Units; block > 0; block--)
        {
            Numbers512 w = new(p, 128), h = new(p + 64, 128);
            Vector512<float> scale = Vector512.Load((float*)(p + 1024));
            Ahead.NextPass(ahead);
            Ahead.NextPass(ahead + 272);
            c0 = Dot512.Add(c0, Whole(w.Pairs(a), h.Pairs(a)), scale, a);
            if (TRows.Value > 1) { c1 = Dot512.Add(c1, Whole(w.Pairs(a + l), h.Pairs(a + l)), scale, a + l); }
            if (TRows.Value > 2) { c2 = Dot512.Add(c2, Whole(w.Pairs(a + (2 * l)), h.Pairs(a + (2 * l))), scale, a + (2 * l)); }
            if (TRows.Value > 3) { c3 = Dot512.Add(c3, Whole(w.Pairs(a + l3), h.Pairs(a + l3)), scale, a + l3); }
            if (TRows.Value > 4) { c4 = Dot512.Add(c4, Whole(w.Pairs(b), h.Pairs(b)), scale, b); }
            if (TRows.Value > 5) { c5 = Dot512.Add(c5, Whole(w.Pairs(b + l), h.Pairs(b + l)), scale, b + l); }
            if (TRows.Value > 6) { c6 = Dot512.Add(c6, Whole(w.Pairs(b + (2 * l)), h.Pairs(b + (2 * l))), scale, b + (2 * l)); }
            if (TRows.Value > 7) { c7 = Dot512.Add(c7, Whole(w.Pairs(b + l3), h.Pairs(b + l3)), scale, b + l3); }
            p += Unpacking.PlanesBlock;
            ahead += Q8Packing.UnitBytes / 2;
            a += Activations.BlockBytes;
            b += Activations.BlockBytes;
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Whole(Vector512<short> low, Vector512<short> high) =>
        Dot512.Whole(low, Vector512.Create((short)1)) + Dot512.Whole(high, Vector512.Create((short)16));
}
