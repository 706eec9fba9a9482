using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>Rows of activations times an unpacked panel, 128-bit vectors: four outputs of one row at a time, the panel in the nearest cache.</summary>
internal static unsafe class QuantisedTile128<TDot>
    where TDot : struct, IDot128
{
    public static void Q4(in QuantisedTile tile)
    {
        for (int row = 0; row < tile.Rows; row++)
        {
            for (int output = 0; output < QuantisedFormat.PanelRows; output += Steps128.Lanes)
            {
                Scaled<Four>(tile, row, output);
            }
        }
    }

    public static void Q8(in QuantisedTile tile)
    {
        for (int row = 0; row < tile.Rows; row++)
        {
            for (int output = 0; output < QuantisedFormat.PanelRows; output += Steps128.Lanes)
            {
                Scaled<Eight>(tile, row, output);
            }
        }
    }

    public static void Q4K(in QuantisedTile tile)
    {
        for (int row = 0; row < tile.Rows; row++)
        {
            for (int output = 0; output < QuantisedFormat.PanelRows; output += Steps128.Lanes)
            {
                SubScaled(tile, row, output);
            }
        }
    }

    private interface IBits
    {
        static abstract Vector128<int> Dot(byte* w, byte* a);
    }

    private readonly struct Four : IBits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> Dot(byte* w, byte* a) => TDot.Unpacked(w, a) - Steps128.Correction(a);
    }

    private readonly struct Eight : IBits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> Dot(byte* w, byte* a) => TDot.Bytes(w, a);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scaled<TBits>(in QuantisedTile tile, int row, int output)
        where TBits : struct, IBits
    {
        float* c = tile.C + (row * tile.CStride) + output;
        Vector128<float> sum = tile.Accumulate ? Vector128.Load(c) : Vector128<float>.Zero;
        byte* p = tile.Panel, a = tile.A + (row * tile.AStride);
        for (int block = 2 * tile.Units; block > 0; block--, p += Unpacking.Q4Block, a += Activations.BlockBytes)
        {
            sum = Steps128.Add(sum, TBits.Dot(p + (output * 4), a), Vector128.Load((float*)(p + 512) + output), a);
        }

        sum.Store(c);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SubScaled(in QuantisedTile tile, int row, int output)
    {
        float* c = tile.C + (row * tile.CStride) + output;
        Vector128<float> sum = tile.Accumulate ? Vector128.Load(c) : Vector128<float>.Zero;
        byte* p = tile.Panel, a = tile.A + (row * tile.AStride);
        for (int unit = tile.Units; unit > 0; unit--)
        {
            Vector128<int> total = default;
            for (int block = Q4KPacking.Blocks; block > 0; block--, p += Unpacking.Q4KBlock, a += Activations.BlockBytes)
            {
                total += TDot.Unpacked(p + (output * 4), a) * (Vector128.Load((int*)(p + 512) + output) >>> 16);
                sum = Steps128.AddMinimum(sum, Vector128.Load((float*)(p + 576) + output), a);
            }

            sum = Steps128.Add(sum, total, Vector128.Load((float*)p + output), a - Activations.BlockBytes);
            p += Unpacking.Q4KUnit - (Q4KPacking.Blocks * Unpacking.Q4KBlock);
        }

        sum.Store(c);
    }
}
