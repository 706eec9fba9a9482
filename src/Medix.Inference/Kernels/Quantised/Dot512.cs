using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>
/// Integer sums of a block for 16 outputs with AVX-512 BW. A byte product adds two neighbours in 16 bits; eight of them, with numbers up to 15 and activations
/// up to 127, reach 30,480 and fit, so that a block needs one widening only.
/// </summary>
internal static unsafe class Dot512
{
    /// <summary>Sums of pairs, [output][2], over the 8 groups of a block of packed 4-bit numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<short> Pairs(byte* packed, byte* a)
    {
        Vector512<byte> v0 = Vector512.Load(packed), v1 = Vector512.Load(packed + 64), v2 = Vector512.Load(packed + 128), v3 = Vector512.Load(packed + 192);
        return Pairs(Low(v0), High(v0), Low(v1), High(v1), Low(v2), High(v2), Low(v3), High(v3), a);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<short> Pairs(
        Vector512<byte> w0, Vector512<byte> w1, Vector512<byte> w2, Vector512<byte> w3, Vector512<byte> w4, Vector512<byte> w5, Vector512<byte> w6, Vector512<byte> w7, byte* a)
    {
        Vector512<short> even = Avx512BW.MultiplyAddAdjacent(w0, Group(a)), odd = Avx512BW.MultiplyAddAdjacent(w1, Group(a + 4));
        even += Avx512BW.MultiplyAddAdjacent(w2, Group(a + 8));
        odd += Avx512BW.MultiplyAddAdjacent(w3, Group(a + 12));
        even += Avx512BW.MultiplyAddAdjacent(w4, Group(a + 16));
        odd += Avx512BW.MultiplyAddAdjacent(w5, Group(a + 20));
        even += Avx512BW.MultiplyAddAdjacent(w6, Group(a + 24));
        odd += Avx512BW.MultiplyAddAdjacent(w7, Group(a + 28));
        return even + odd;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Low(Vector512<byte> v) => v & Vector512.Create((byte)15);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> High(Vector512<byte> v) => (v.AsUInt16() >> 4).AsByte() & Vector512.Create((byte)15);

    /// <summary>Pair sums to whole sums, each pair multiplied by two 16-bit factors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Whole(Vector512<short> pairs, Vector512<short> factors) => Avx512BW.MultiplyAddAdjacent(pairs, factors);

    /// <summary>sum + scale · (dot - correction) · the activations' scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Add(Vector512<float> sum, Vector512<int> dot, Vector512<float> scale, byte* a)
    {
        Vector512<int> corrected = dot - Vector512.Create(*(int*)(a + Activations.CorrectionAt));
        return Vector512.FusedMultiplyAdd(scale, Avx512F.ConvertToVector512Single(corrected) * Vector512.Create(*(float*)(a + Activations.ScaleAt)), sum);
    }

    /// <summary>sum + minimum · (-the activations' scale · their sum).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> AddMinimum(Vector512<float> sum, Vector512<float> minimum, byte* a) =>
        Vector512.FusedMultiplyAdd(minimum, Vector512.Create(*(float*)(a + Activations.CorrectionAt)), sum);

    /// <summary>sum + d · total · the activations' scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> AddTotal(Vector512<float> sum, Vector512<int> total, Vector512<float> d, byte* a) =>
        Vector512.FusedMultiplyAdd(d, Avx512F.ConvertToVector512Single(total) * Vector512.Create(*(float*)(a + Activations.ScaleAt)), sum);

    /// <summary>Four activations for every output.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<sbyte> Group(byte* a) => Vector512.Create(*(int*)a).AsSByte();
}
