using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>What a machine's byte products make of a block for 8 of a panel's outputs, 256 bits: the same integers on each.</summary>
internal unsafe interface IDot256
{
    /// <summary>Packed 4-bit numbers times a row's activations.</summary>
    static abstract Vector256<int> Nibbles(byte* packed, byte* a);

    /// <summary>8-bit numbers times a row's activations.</summary>
    static abstract Vector256<int> Bytes(byte* w, byte* a);

    /// <summary>Unpacked 4-bit numbers times up to four rows' activations, <paramref name="l"/> bytes apart, times a scale that each output has twice in 16 bits.</summary>
    static abstract Rows256 Scaled<TRows>(byte* w, byte* a, nint l, Vector256<short> scale)
        where TRows : struct, ICount;
}

/// <summary>Sums of up to four rows.</summary>
internal struct Rows256
{
    public Vector256<int> S0, S1, S2, S3;
}

/// <summary>What all 256-bit kernels do with a block's sums; see <see cref="Dot512"/>.</summary>
internal static unsafe class Dot256
{
    public const int HalfBytes = 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Join(Vector256<short> low, Vector256<short> high) =>
        Whole(low, Vector256.Create((short)1)) + Whole(high, Vector256.Create((short)16));

    /// <summary>Pair sums to whole sums, each pair multiplied by two 16-bit factors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Whole(Vector256<short> pairs, Vector256<short> factors) => Avx2.MultiplyAddAdjacent(pairs, factors);

    /// <summary>sum + scale · (dot - correction) · the activations' scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Add(Vector256<float> sum, Vector256<int> dot, Vector256<float> scale, byte* a)
    {
        Vector256<int> corrected = dot - Vector256.Create(*(int*)(a + Activations.CorrectionAt));
        return Vector256.FusedMultiplyAdd(scale, Vector256.ConvertToSingle(corrected) * Vector256.Create(*(float*)(a + Activations.ScaleAt)), sum);
    }

    /// <summary>sum + minimum · (-the activations' scale · their sum).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> AddMinimum(Vector256<float> sum, Vector256<float> minimum, byte* a) =>
        Vector256.FusedMultiplyAdd(minimum, Vector256.Create(*(float*)(a + Activations.CorrectionAt)), sum);

    /// <summary>sum + d · total · the activations' scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> AddTotal(Vector256<float> sum, Vector256<int> total, Vector256<float> d, byte* a) =>
        Vector256.FusedMultiplyAdd(d, Vector256.ConvertToSingle(total) * Vector256.Create(*(float*)(a + Activations.ScaleAt)), sum);

    /// <summary>8 half-precision scales.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Scales(ushort* halves)
    {
        Vector128<short> bits = Vector128.Load((short*)halves);
        return HalfBits.ToSingle(Vector256.Create(Vector128.WidenLower(bits), Vector128.WidenUpper(bits)));
    }

    /// <summary>8 bytes as integers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Widen(byte* bytes) => Avx2.ConvertToVector256Int32(bytes);

    /// <summary>Four activations for every output.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Group(byte* a) => Vector256.Create(*(int*)a).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Low(Vector256<byte> v) => v & Vector256.Create((byte)15);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> High(Vector256<byte> v) => (v.AsUInt16() >> 4).AsByte() & Vector256.Create((byte)15);
}
