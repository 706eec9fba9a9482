using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>Half-precision numbers in bulk. .NET 10 has no instruction for them, but a half is a float with a smaller exponent: move the bits and multiply.</summary>
internal static class HalfBits
{
    private const int Moved = unchecked((int)0x8FFFE000);
    private const float Rescale = 5.192296858534828e33f; // 2^112
    private const float SmallestNormal = 6.103515625e-5f; // 2^-14

    /// <summary>Exact for every finite half; infinity and NaN become large finite numbers, so packing never stores them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> ToSingle(Vector512<int> signExtended) =>
        ((signExtended << 13) & Vector512.Create(Moved)).AsSingle() * Vector512.Create(Rescale);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> ToSingle(Vector256<int> signExtended) =>
        ((signExtended << 13) & Vector256.Create(Moved)).AsSingle() * Vector256.Create(Rescale);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> ToSingle(Vector128<int> signExtended) =>
        ((signExtended << 13) & Vector128.Create(Moved)).AsSingle() * Vector128.Create(Rescale);

    public static float ToSingle(ushort bits) => (float)BitConverter.UInt16BitsToHalf(bits);

    /// <summary>
    /// The bits of <see cref="Round(float)"/>, in the lower half of each lane: a normal half's exponent is moved and the mantissa rounded to even by integers; adding ½
    /// makes the float unit round a smaller one, as its last place is then the smallest half.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Round(Vector512<float> values)
    {
        const int ExponentDifference = (127 - 15) << 23;
        Vector512<float> known = Vector512.ConditionalSelect(Vector512.Equals(values, values), values, Vector512<float>.Zero);
        Vector512<float> magnitude = Vector512.Min(Vector512.Abs(known), Vector512.Create((float)Half.MaxValue));
        Vector512<int> bits = magnitude.AsInt32();
        Vector512<int> normal = (bits - Vector512.Create(ExponentDifference) + Vector512.Create(0xFFF) + ((bits >>> 13) & Vector512<int>.One)) >>> 13;
        Vector512<int> small = (magnitude + Vector512.Create(0.5f)).AsInt32() - Vector512.Create(0.5f).AsInt32();
        Vector512<int> half = Vector512.ConditionalSelect(Vector512.LessThan(magnitude, Vector512.Create(SmallestNormal)).AsInt32(), small, normal);
        return half | ((known.AsInt32() >>> 16) & Vector512.Create(0x8000));
    }

    /// <summary>Rounds to the nearest half; beyond the range to the largest, NaN to zero.</summary>
    public static ushort Round(float value)
    {
        float largest = (float)Half.MaxValue;
        return float.IsNaN(value) ? (ushort)0 : BitConverter.HalfToUInt16Bits((Half)Math.Clamp(value, -largest, largest));
    }
}
