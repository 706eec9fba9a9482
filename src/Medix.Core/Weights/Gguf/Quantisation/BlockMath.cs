using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Medix.Weights.Gguf.Quantisation;

/// <summary>
/// What the block formats share. Operations and their order are ggml's, in single precision without fused multiply-add: another order rounds differently
/// and gives other bytes.
/// </summary>
internal static class BlockMath
{
    // Adding 1.5·2^23 leaves the integer, rounded to nearest even, in the mantissa.
    private const float Magic = 12582912f;

    public static float ReadHalf(ReadOnlySpan<byte> bytes) => (float)BinaryPrimitives.ReadHalfLittleEndian(bytes);

    public static void WriteHalf(Span<byte> bytes, float value) => BinaryPrimitives.WriteHalfLittleEndian(bytes, (Half)value);

    /// <summary>1/value, and 0 for 0, where every value of the block is 0.</summary>
    public static float Inverse(float value) => value == 0 ? 0f : 1f / value;

    /// <summary>Nearest integer, ties to even, of a value below 2^22; others give what the reference gives for them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Nearest(float value) => (BitConverter.SingleToInt32Bits(value + Magic) & 0x7fffff) - 0x400000;

    /// <summary>The value farthest from 0, with its sign; the first of equals.</summary>
    public static float Extreme(ReadOnlySpan<float> values)
    {
        float largest = 0, extreme = 0;
        foreach (float value in values)
        {
            if (Math.Abs(value) > largest)
            {
                largest = Math.Abs(value);
                extreme = value;
            }
        }

        return extreme;
    }

    /// <summary>The smallest value; the first of equals, for zeros have signs.</summary>
    public static float Smallest(ReadOnlySpan<float> values)
    {
        float smallest = float.MaxValue;
        foreach (float value in values)
        {
            smallest = value < smallest ? value : smallest;
        }

        return smallest;
    }

    /// <summary>The largest value; the first of equals.</summary>
    public static float Largest(ReadOnlySpan<float> values)
    {
        float largest = float.MinValue;
        foreach (float value in values)
        {
            largest = value > largest ? value : largest;
        }

        return largest;
    }
}
