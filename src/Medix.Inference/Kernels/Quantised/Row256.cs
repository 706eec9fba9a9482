using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>One row of activations times one packed panel, 256 bits: both halves of the panel's outputs in one pass over its memory.</summary>
internal static unsafe class Row256<TDot>
    where TDot : struct, IDot256
{
    private const int Lanes = 8;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Q4(in QuantisedTile tile)
    {
        (Vector256<float> low, Vector256<float> high) = Load(tile);
        byte* w = tile.Panel, a = tile.A;
        for (int unit = tile.Units; unit > 0; unit--, w += Q4Packing.UnitBytes)
        {
            Ahead.Unit(w);
            for (int block = 0; block < 2; block++, a += Activations.BlockBytes)
            {
                byte* numbers = w + (block * Q4Packing.BlockBytes);
                ushort* scales = Q4Packing.Scales(w, block);
                low = Dot256.Add(low, TDot.Nibbles(numbers, a), Dot256.Scales(scales), a);
                high = Dot256.Add(high, TDot.Nibbles(numbers + Dot256.HalfBytes, a), Dot256.Scales(scales + Lanes), a);
            }
        }

        Store(tile, low, high);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Q8(in QuantisedTile tile)
    {
        (Vector256<float> low, Vector256<float> high) = Load(tile);
        byte* w = tile.Panel, a = tile.A;
        for (int unit = tile.Units; unit > 0; unit--, w += Q8Packing.UnitBytes)
        {
            Ahead.Unit(w);
            Ahead.Unit(w + (Q8Packing.UnitBytes / 2));
            for (int block = 0; block < 2; block++, a += Activations.BlockBytes)
            {
                byte* numbers = w + (block * Q8Packing.BlockBytes);
                ushort* scales = Q8Packing.Scales(w, block);
                low = Dot256.Add(low, TDot.Bytes(numbers, a), Dot256.Scales(scales), a);
                high = Dot256.Add(high, TDot.Bytes(numbers + Dot256.HalfBytes, a), Dot256.Scales(scales + Lanes), a);
            }
        }

        Store(tile, low, high);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Q4K(in QuantisedTile tile)
    {
        (Vector256<float> low, Vector256<float> high) = Load(tile);
        byte* w = tile.Panel, a = tile.A;
        for (int unit = tile.Units; unit > 0; unit--, w += Q4KPacking.UnitBytes, a += Q4KPacking.Blocks * Activations.BlockBytes)
        {
            for (int block = 0; block < Q4KPacking.Blocks; block++)
            {
                Ahead.Block(w + (block * (Q4KPacking.UnitBytes / Q4KPacking.Blocks)));
            }

            low = Unit(low, w, 0, a);
            high = Unit(high, w, Lanes, a);
        }

        Store(tile, low, high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Unit(Vector256<float> sum, byte* w, int output, byte* a)
    {
        ushort* factors = Q4KPacking.Factors(w) + output;
        Vector256<float> e = Dot256.Scales(factors + QuantisedFormat.PanelRows);
        Vector256<int> total = default;
        for (int block = 0; block < Q4KPacking.Blocks; block++, a += Activations.BlockBytes)
        {
            byte* numbers = w + (block * Q4Packing.BlockBytes) + (output * 4);
            total += TDot.Nibbles(numbers, a) * Dot256.Widen(Q4KPacking.Scale(w, block) + output);
            sum = Dot256.AddMinimum(sum, Vector256.ConvertToSingle(Dot256.Widen(Q4KPacking.Minimum(w, block) + output)) * e, a);
        }

        return Dot256.AddTotal(sum, total, Dot256.Scales(factors), a - Activations.BlockBytes);
    }

    private static (Vector256<float> Low, Vector256<float> High) Load(in QuantisedTile tile) =>
        tile.Accumulate ? (Vector256.Load(tile.C), Vector256.Load(tile.C + Lanes)) : default;

    private static void Store(in QuantisedTile tile, Vector256<float> low, Vector256<float> high)
    {
        low.Store(tile.C);
        high.Store(tile.C + Lanes);
    }
}
