using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>
/// One row of activations times one packed panel or two neighbours, AVX-512: reads each panel once, in order, as fast as memory gives it. Two panels meet a block of
/// activations together: a long row of activations, which the panels push out of the nearest cache, is fetched half as often, and memory has two streams to serve.
/// </summary>
internal static unsafe class Row512
{
    /// <summary>A block's share of a unit with scales and minima.</summary>
    private const int BlockShare = Q4KPacking.UnitBytes / Q4KPacking.Blocks;

    public static void Q4(in QuantisedTile tile)
    {
        if (tile.Panels == 1)
        {
            Q4<N1>(tile);
        }
        else
        {
            Q4<N2>(tile);
        }
    }

    public static void Q4K(in QuantisedTile tile)
    {
        if (tile.Panels == 1)
        {
            Q4K<N1>(tile);
        }
        else
        {
            Q4K<N2>(tile);
        }
    }

    public static void Q8(in QuantisedTile tile)
    {
        if (tile.Panels == 1)
        {
            Q8<N1>(tile);
        }
        else
        {
            Q8<N2>(tile);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Q4<TPanels>(in QuantisedTile tile)
        where TPanels : struct, ICount
    {
        Vector512<short> ones = Vector512.Create((short)1);
        Vector512<float> sum = First(tile), second = TPanels.Value > 1 ? Second(tile) : default;
        nint panel = (nint)tile.Units * Q4Packing.UnitBytes;
        byte* w = tile.Panel, a = tile.A, last = w + panel - Ahead.Distance;
        for (int unit = tile.Units; unit > 0; unit--, w += Q4Packing.UnitBytes, a += 2 * Activations.BlockBytes)
        {
            byte* v = w + panel, next = a + Activations.BlockBytes, ahead = TPanels.Value == 1 || w < last ? w : v;
            Ahead.Unit(ahead);
            if (TPanels.Value > 1)
            {
                Ahead.Unit(ahead + panel);
            }

            sum = AddBlock(sum, w, 0, a, ones);
            second = TPanels.Value > 1 ? AddBlock(second, v, 0, a, ones) : second;
            sum = AddBlock(sum, w, 1, next, ones);
            second = TPanels.Value > 1 ? AddBlock(second, v, 1, next, ones) : second;
        }

        Store<TPanels>(tile, sum, second);
    }

    /// <summary>A block of a unit of symmetric 4-bit numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> AddBlock(Vector512<float> sum, byte* unit, int block, byte* a, Vector512<short> ones) => Dot512.Add(
        sum, Dot512.Whole(Dot512.Pairs(unit + (block * Q4Packing.BlockBytes), a), ones), Unpacking.Scales(Q4Packing.Scales(unit, block)), a);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Q4K<TPanels>(in QuantisedTile tile)
        where TPanels : struct, ICount
    {
        Vector512<float> sum = First(tile), second = TPanels.Value > 1 ? Second(tile) : default;
        nint panel = (nint)tile.Units * Q4KPacking.UnitBytes;
        byte* w = tile.Panel, a = tile.A, last = w + panel - Ahead.Distance;
        for (int unit = tile.Units; unit > 0; unit--, w += Q4KPacking.UnitBytes, a += Q4KPacking.Blocks * Activations.BlockBytes)
        {
            byte* ahead = TPanels.Value == 1 || w < last ? w : w + panel;
            sum = AddUnit(sum, w, a, ahead);
            if (TPanels.Value > 1)
            {
                second = AddUnit(second, w + panel, a, ahead + panel);
            }
        }

        Store<TPanels>(tile, sum, second);
    }

    /// <summary>A unit of blocks with scales and minima.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> AddUnit(Vector512<float> sum, byte* w, byte* a, byte* ahead)
    {
        Vector512<float> e = Unpacking.Scales(Q4KPacking.Factors(w) + QuantisedFormat.PanelRows);
        Vector512<int> total = Vector512<int>.Zero;
        byte* first = a;
        for (int block = 0; block < Q4KPacking.Blocks; block++, a += Activations.BlockBytes)
        {
            byte* numbers = w + (block * Q4Packing.BlockBytes);
            Ahead.Block(ahead + (block * BlockShare));
            Vector512<int> s = Unpacking.Widen(Q4KPacking.Scale(w, block));
            total += Dot512.Whole(Dot512.Pairs(numbers, a), (s | (s << 16)).AsInt16());
            Vector512<float> minimum = Vector512.ConvertToSingle(Unpacking.Widen(Q4KPacking.Minimum(w, block))) * e;
            sum = Dot512.AddMinimum(sum, minimum, a);
        }

        return Dot512.AddTotal(sum, total, Unpacking.Scales(Q4KPacking.Factors(w)), first);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Q8<TPanels>(in QuantisedTile tile)
        where TPanels : struct, ICount
    {
        Vector512<float> sum = First(tile), second = TPanels.Value > 1 ? Second(tile) : default;
        nint panel = (nint)tile.Units * Q8Packing.UnitBytes;
        byte* w = tile.Panel, a = tile.A, last = w + panel - Ahead.Distance;
        for (int unit = tile.Units; unit > 0; unit--, w += Q8Packing.UnitBytes, a += 2 * Activations.BlockBytes)
        {
            byte* next = a + Activations.BlockBytes, ahead = TPanels.Value == 1 || w < last ? w : w + panel;
            Ahead.Unit(ahead);
            Ahead.Unit(ahead + (Q8Packing.UnitBytes / 2));
            sum = Dot512.Add(sum, Bytes(w, a), Unpacking.Scales(Q8Packing.Scales(w, 0)), a);
            sum = Dot512.Add(sum, Bytes(w + Q8Packing.BlockBytes, next), Unpacking.Scales(Q8Packing.Scales(w, 1)), next);
            if (TPanels.Value > 1)
            {
                byte* v = w + panel;
                Ahead.Unit(ahead + panel);
                Ahead.Unit(ahead + panel + (Q8Packing.UnitBytes / 2));
                second = Dot512.Add(second, Bytes(v, a), Unpacking.Scales(Q8Packing.Scales(v, 0)), a);
                second = Dot512.Add(second, Bytes(v + Q8Packing.BlockBytes, next), Unpacking.Scales(Q8Packing.Scales(v, 1)), next);
            }
        }

        Store<TPanels>(tile, sum, second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> First(in QuantisedTile tile) => tile.Accumulate ? Vector512.Load(tile.C) : Vector512<float>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Second(in QuantisedTile tile) => tile.Accumulate ? Vector512.Load(tile.C + QuantisedFormat.PanelRows) : Vector512<float>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TPanels>(in QuantisedTile tile, Vector512<float> sum, Vector512<float> second)
        where TPanels : struct, ICount
    {
        sum.Store(tile.C);
        if (TPanels.Value > 1)
        {
            second.Store(tile.C + QuantisedFormat.PanelRows);
        }
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
