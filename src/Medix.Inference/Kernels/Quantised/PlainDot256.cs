using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>Integer sums with AVX2 alone: products in 16 bits, added up there as long as they fit.</summary>
internal readonly unsafe struct PlainDot256 : IDot256
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Nibbles(byte* packed, byte* a) => Dot256.Whole(Pairs(packed, a), Vector256.Create((short)1));

    /// <summary>A byte is a lower half plus 16 times an upper half; both halves sum up exactly in 16 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Bytes(byte* w, byte* a)
    {
        Vector256<short> low = default, high = default;
        for (int group = 0; group < 8; group++)
        {
            Vector256<byte> v = Vector256.Load(w + (group * 64));
            Vector256<sbyte> x = Dot256.Group(a + (group * 4));
            low += Avx2.MultiplyAddAdjacent(Dot256.Low(v), x);
            high += Avx2.MultiplyAddAdjacent(Dot256.High(v), x);
        }

        return Dot256.Join(low, high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Rows256 Scaled<TRows>(byte* w, byte* a, nint l, Vector256<short> scale)
        where TRows : struct, ICount
    {
        Pairs256 pairs = Pairs256.Of<TRows>(w, 64, a, l);
        Rows256 sums = new() { S0 = Dot256.Whole(pairs.S0, scale) };
        if (TRows.Value > 1) { sums.S1 = Dot256.Whole(pairs.S1, scale); }
        if (TRows.Value > 2) { sums.S2 = Dot256.Whole(pairs.S2, scale); }
        if (TRows.Value > 3) { sums.S3 = Dot256.Whole(pairs.S3, scale); }
        return sums;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Pairs(byte* packed, byte* a)
    {
        Vector256<short> low = default, high = default;
        for (int pair = 0; pair < 4; pair++)
        {
            Vector256<byte> v = Vector256.Load(packed + (pair * 64));
            low += Avx2.MultiplyAddAdjacent(Dot256.Low(v), Dot256.Group(a + (pair * 8)));
            high += Avx2.MultiplyAddAdjacent(Dot256.High(v), Dot256.Group(a + (pair * 8) + 4));
        }

        return low + high;
    }
}
