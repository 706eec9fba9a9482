using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>Half-precision numbers in bulk. .NET 10 has no instruction for them, but a half is a float with a smaller exponent: move the bits and multiply.</summary>
internal static class HalfBits
{
    private const int Moved = unchecked((int)0x8FFFE000);
    private const float Rescale = 5.192296858534828e33f; // 2^112

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

    /// <summary>Rounds to the nearest half; beyond the range to the largest, NaN to zero.</summary>
    public static ushort Round(float value)
    {
        float largest = (float)Half.MaxValue;
        return float.IsNaN(value) ? (ushort)0 : BitConverter.HalfToUInt16Bits((Half)Math.Clamp(value, -largest, largest));
    }
}
