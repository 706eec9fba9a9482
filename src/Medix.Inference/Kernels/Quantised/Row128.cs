using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>One row of activations times one packed panel, 128-bit vectors: each block is read whole, a quarter of its outputs after the other.</summary>
internal static unsafe class Row128<TDot>
    where TDot : struct, IDot128
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Q4(in QuantisedTile tile)
    {
        Quarters sums = Quarters.Load(tile);
        byte* w = tile.Panel, a = tile.A;
        for (int unit = tile.Units; unit > 0; unit--, w += Q4Packing.UnitBytes)
        {
            for (int block = 0; block < 2; block++, a += Activations.BlockBytes)
            {
                byte* numbers = w + (block * Q4Packing.BlockBytes);
                ushort* scales = Q4Packing.Scales(w, block);
                sums.S0 = Step(sums.S0, numbers, scales, 0, a);
                sums.S1 = Step(sums.S1, numbers, scales, 1, a);
                sums.S2 = Step(sums.S2, numbers, scales, 2, a);
                sums.S3 = Step(sums.S3, numbers, scales, 3, a);
            }
        }

        sums.Store(tile);

        static Vector128<float> Step(Vector128<float> sum, byte* numbers, ushort* scales, int quarter, byte* a) => Steps128.Add(
            sum, TDot.Packed(numbers + (quarter * Steps128.QuarterBytes), a) - Steps128.Correction(a), Steps128.Scales(scales + (quarter * Steps128.Lanes)), a);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Q8(in QuantisedTile tile)
    {
        Quarters sums = Quarters.Load(tile);
        byte* w = tile.Panel, a = tile.A;
        for (int unit = tile.Units; unit > 0; unit--, w += Q8Packing.UnitBytes)
        {
            for (int block = 0; block < 2; block++, a += Activations.BlockBytes)
            {
                byte* numbers = w + (block * Q8Packing.BlockBytes);
                ushort* scales = Q8Packing.Scales(w, block);
                sums.S0 = Step(sums.S0, numbers, scales, 0, a);
                sums.S1 = Step(sums.S1, numbers, scales, 1, a);
                sums.S2 = Step(sums.S2, numbers, scales, 2, a);
                sums.S3 = Step(sums.S3, numbers, scales, 3, a);
            }
        }

        sums.Store(tile);

        static Vector128<float> Step(Vector128<float> sum, byte* numbers, ushort* scales, int quarter, byte* a) => Steps128.Add(
            sum, TDot.Bytes(numbers + (quarter * Steps128.QuarterBytes), a), Steps128.Scales(scales + (quarter * Steps128.Lanes)), a);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Q4K(in QuantisedTile tile)
    {
        Quarters sums = Quarters.Load(tile);
        byte* w = tile.Panel, a = tile.A;
        for (int unit = tile.Units; unit > 0; unit--, w += Q4KPacking.UnitBytes, a += Q4KPacking.Blocks * Activations.BlockBytes)
        {
            sums.S0 = Unit(sums.S0, w, 0, a);
            sums.S1 = Unit(sums.S1, w, 1, a);
            sums.S2 = Unit(sums.S2, w, 2, a);
            sums.S3 = Unit(sums.S3, w, 3, a);
        }

        sums.Store(tile);
    }

    private static Vector128<float> Unit(Vector128<float> sum, byte* w, int quarter, byte* a)
    {
        int output = quarter * Steps128.Lanes;
        ushort* factors = Q4KPacking.Factors(w) + output;
        Vector128<float> e = Steps128.Scales(factors + QuantisedFormat.PanelRows);
        Vector128<int> total = default;
        for (int block = 0; block < Q4KPacking.Blocks; block++, a += Activations.BlockBytes)
        {
            Vector128<int> dot = TDot.Packed(w + (block * Q4Packing.BlockBytes) + (quarter * Steps128.QuarterBytes), a);
            total += dot * Steps128.Widen(Q4KPacking.Scale(w, block) + output);
            sum = Steps128.AddMinimum(sum, Vector128.ConvertToSingle(Steps128.Widen(Q4KPacking.Minimum(w, block) + output)) * e, a);
        }

        return Steps128.Add(sum, total, Steps128.Scales(factors), a - Activations.BlockBytes);
    }

    private struct Quarters
    {
        public Vector128<float> S0, S1, S2, S3;

        public static Quarters Load(in QuantisedTile tile)
        {
            float* c = tile.C;
            return tile.Accumulate
                ? new Quarters { S0 = Vector128.Load(c), S1 = Vector128.Load(c + 4), S2 = Vector128.Load(c + 8), S3 = Vector128.Load(c + 12) }
                : default;
        }

        public readonly void Store(in QuantisedTile tile)
        {
            S0.Store(tile.C);
            S1.Store(tile.C + 4);
            S2.Store(tile.C + 8);
            S3.Store(tile.C + 12);
        }
    }
}
