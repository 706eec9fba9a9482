using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>Up to 4 rows times an unpacked panel of a byte per number, AVX-VNNI: for 4-bit and for 8-bit numbers. All 16 outputs at a time, which share the activations.</summary>
internal static unsafe class VnniTile256
{
    private const int Numbers = 512;
    private const int Lanes = 8;

    public static void Multiply(in QuantisedTile tile)
    {
        switch (tile.Rows)
        {
            case 1: Multiply<N1>(tile); break;
            case 2: Multiply<N2>(tile); break;
            case 3: Multiply<N3>(tile); break;
            default: Multiply<N4>(tile); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply<TRows>(in QuantisedTile tile)
        where TRows : struct, ICount
    {
        nint ldc = tile.CStride, l = tile.AStride, l3 = 3 * l;
        float* c = tile.C;
        byte* p = tile.Panel, a = tile.A;
        if (!tile.Accumulate)
        {
            for (int row = 0; row < TRows.Value; row++)
            {
                Vector256<float>.Zero.Store(c + (row * ldc));
                Vector256<float>.Zero.Store(c + (row * ldc) + Lanes);
            }
        }

        for (int block = 2 * tile.Units; block > 0; block--, p += Unpacking.Q4Block, a += Activations.BlockBytes)
        {
            // Sums of the outputs 0-7 and 8-15. Those in single precision wait in memory: 16 registers hold no more than these.
            Vector256<int> s0 = default, s1 = default, s2 = default, s3 = default, t0 = default, t1 = default, t2 = default, t3 = default;
            byte* w = p, x = a;
            for (int group = 0; group < 8; group++, w += 64, x += 4)
            {
                Vector256<byte> low = Vector256.Load(w), high = Vector256.Load(w + Dot256.HalfBytes);
                s0 = VnniDot256.Add(s0, low, x);
                t0 = VnniDot256.Add(t0, high, x);
                if (TRows.Value > 1) { s1 = VnniDot256.Add(s1, low, x + l); t1 = VnniDot256.Add(t1, high, x + l); }
                if (TRows.Value > 2) { s2 = VnniDot256.Add(s2, low, x + (2 * l)); t2 = VnniDot256.Add(t2, high, x + (2 * l)); }
                if (TRows.Value > 3) { s3 = VnniDot256.Add(s3, low, x + l3); t3 = VnniDot256.Add(t3, high, x + l3); }
            }

            float* scales = (float*)(p + Numbers);
            Add(c, s0, t0, scales, a);
            if (TRows.Value > 1) { Add(c + ldc, s1, t1, scales, a + l); }
            if (TRows.Value > 2) { Add(c + (2 * ldc), s2, t2, scales, a + (2 * l)); }
            if (TRows.Value > 3) { Add(c + (3 * ldc), s3, t3, scales, a + l3); }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(float* c, Vector256<int> low, Vector256<int> high, float* scales, byte* a)
    {
        Dot256.Add(Vector256.Load(c), low, Vector256.Load(scales), a).Store(c);
        Dot256.Add(Vector256.Load(c + Lanes), high, Vector256.Load(scales + Lanes), a).Store(c + Lanes);
    }
}
