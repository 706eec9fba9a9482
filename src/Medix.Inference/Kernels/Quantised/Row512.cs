using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>One row of activations times one packed panel, AVX-512: reads the panel once, in order, as fast as memory gives it.</summary>
internal static unsafe class Row512
{
    /// <summary>A block's share of a unit with scales and minima.</summary>
    private const int BlockShare = Q4KPacking.UnitBytes / Q4KPacking.Blocks;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Q4(in QuantisedTile tile)
    {
        Vector512<short> ones = Vector512.Create((short)1);
        Vector512<float> sum = tile.Accumulate ? Vector512.Load(tile.C) : Vector512<float>.Zero;
        byte* w = tile.Panel, a = tile.A;
        for (int unit = tile.Units; unit > 0; unit--, w += Q4Packing.UnitBytes, a += 2 * Activations.BlockBytes)
        {
            Ahead.Unit(w);
            sum = Dot512.Add(sum, Dot512.Whole(Dot512.Pairs(w, a), ones), Unpacking.Scales(Q4Packing.Scales(w, 0)), a);
            byte* next = a + Activations.BlockBytes;
            sum = Dot512.Add(sum, Dot512.Whole(Dot512.Pairs(w + Q4Packing.BlockBytes, next), ones), Unpacking.Scales(Q4Packing.Scales(w, 1)), next);
        }

        sum.Store(tile.C);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Q4K(in QuantisedTile tile)
    {
        Vector512<float> sum = tile.Accumulate ? Vector512.Load(tile.C) : Vector512<float>.Zero;
        byte* w = tile.Panel, a = tile.A;
        for (int unit = tile.Units; unit > 0; unit--, w += Q4KPacking.UnitBytes)
        {
            Vector512<float> e = Unpacking.Scales(Q4KPacking.Factors(w) + QuantisedFormat.PanelRows);
            Vector512<int> total = Vector512<int>.Zero;
            byte* first = a;
            for (int block = 0; block < Q4KPacking.Blocks; block++, a += Activations.BlockBytes)
            {
                byte* numbers = w + (block * Q4Packing.BlockBytes);
                Ahead.Block(w + (block * BlockShare));
                Vector512<int> s = Unpacking.Widen(Q4KPacking.Scale(w, block));
                total += Dot512.Whole(Dot512.Pairs(numbers, a), (s | (s << 16)).AsInt16());
                Vector512<float> minimum = Vector512.ConvertToSingle(Unpacking.Widen(Q4KPacking.Minimum(w, block))) * e;
                sum = Dot512.AddMinimum(sum, minimum, a);
            }

            sum = Dot512.AddTotal(sum, total, Unpacking.Scales(Q4KPacking.Factors(w)), first);
        }

        sum.Store(tile.C);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Q8(in QuantisedTile tile)
    {
        Vector512<float> sum = tile.Accumulate ? Vector512.Load(tile.C) : Vector512<float>.Zero;
        byte* w = tile.Panel, a = tile.A;
        for (int unit = tile.Units; unit > 0; unit--, w += Q8Packing.UnitBytes, a += 2 * Activations.BlockBytes)
        {
            Ahead.Unit(w);
            Ahead.Unit(w + (Q8Packing.UnitBytes / 2));
            sum = Dot512.Add(sum, Bytes(w, a), Unpacking.Scales(Q8Packing.Scales(w, 0)), a);
            byte* next = a + Activations.BlockBytes;
            sum = Dot512.Add(sum, Bytes(w + Q8Packing.BlockBytes, next), Unpacking.Scales(Q8Packing.Scales(w, 1)), next);
        }

        sum.Store(tile.C);
    }

    /// <summary>A byte is a lower half plus 16 times an upper half; both halves sum up exactly in 16 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Bytes(byte* w, byte* a)
    {
        Vector512<byte> v0 = Vector512.Load(w), v1 = Vector512.Load(w + 64), v2 = Vector512.Load(w + 128), v3 = Vector512.Load(w + 192);
        Vector512<byte> v4 = Vector512.Load(w + 256), v5 = Vector512.Load(w + 320), v6 = Vector512.Load(w + 384), v7 = Vector512.Load(w + 448);
        Vector512<short> low = Dot512.Pairs(
            Dot512.Low(v0), Dot512.Low(v1), Dot512.Low(v2), Dot512.Low(v3), Dot512.Low(v4), Dot512.Low(v5), Dot512.Low(v6), Dot512.Low(v7), a);
        Vector512<short> high = Dot512.Pairs(
            Dot512.High(v0), Dot512.High(v1), Dot512.High(v2), Dot512.High(v3), Dot512.High(v4), Dot512.High(v5), Dot512.High(v6), Dot512.High(v7), a);
        return Dot512.Whole(low, Vector512.Create((short)1)) + Dot512.Whole(high, Vector512.Create((short)16));
    }
}
