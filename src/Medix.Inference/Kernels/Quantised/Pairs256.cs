using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>Pair sums of up to four rows of activations with 8 outputs of an unpacked block: each vector of numbers is loaded once for all rows.</summary>
internal unsafe struct Pairs256
{
    public Vector256<short> S0, S1, S2, S3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pairs256 Of<TRows>(byte* w, int stride, byte* a, nint l)
        where TRows : struct, ICount
    {
        Vector256<short> s0 = default, s1 = default, s2 = default, s3 = default;
        for (int group = 0; group < 8; group++, w += stride, a += 4)
        {
            Vector256<byte> v = Vector256.Load(w);
            s0 += Avx2.MultiplyAddAdjacent(v, Dot256.Group(a));
            if (TRows.Value > 1) { s1 += Avx2.MultiplyAddAdjacent(v, Dot256.Group(a + l)); }
            if (TRows.Value > 2) { s2 += Avx2.MultiplyAddAdjacent(v, Dot256.Group(a + (2 * l))); }
            if (TRows.Value > 3) { s3 += Avx2.MultiplyAddAdjacent(v, Dot256.Group(a + (3 * l))); }
        }

        return new Pairs256 { S0 = s0, S1 = s1, S2 = s2, S3 = s3 };
    }
}
