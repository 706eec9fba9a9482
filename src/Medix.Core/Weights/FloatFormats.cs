using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace Medix.Weights;

/// <summary>Widening of the 16-bit float formats and the search for NaN and infinities, vectorised: models have billions of values.</summary>
internal static class FloatFormats
{
    /// <summary>A bfloat16 is the upper half of a float.</summary>
    public static void WidenBFloat16(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        Span<uint> bits = MemoryMarshal.Cast<float, uint>(destination)[..source.Length];
        int i = 0;
        for (int step = Vector<ushort>.Count; i <= source.Length - step; i += step)
        {
            Vector.Widen(new Vector<ushort>(source[i..]), out Vector<uint> low, out Vector<uint> high);
            Vector.ShiftLeft(low, 16).CopyTo(bits[i..]);
            Vector.ShiftLeft(high, 16).CopyTo(bits[(i + (step / 2))..]);
        }

        for (; i < source.Length; i++)
        {
            bits[i] = (uint)source[i] << 16;
        }
    }

    public static void WidenHalf(ReadOnlySpan<Half> source, Span<float> destination) => TensorPrimitives.ConvertToSingle(source, destination);

    /// <summary>Values of F32, BF16 or F16 as float.</summary>
    public static void Widen(string dtype, ReadOnlySpan<byte> source, Span<float> destination)
    {
        switch (dtype)
        {
            case "F32":
                source.CopyTo(MemoryMarshal.AsBytes(destination));
                break;
            case "BF16":
                WidenBFloat16(MemoryMarshal.Cast<byte, ushort>(source), destination);
                break;
            default:
                WidenHalf(MemoryMarshal.Cast<byte, Half>(source), destination);
                break;
        }
    }

    /// <summary>Floats as bytes of F32, BF16 or F16, rounded to nearest even.</summary>
    public static void Narrow(string dtype, ReadOnlySpan<float> source, Span<byte> destination)
    {
        switch (dtype)
        {
            case "F32":
                MemoryMarshal.AsBytes(source).CopyTo(destination);
                break;
            case "BF16":
                NarrowBFloat16(source, MemoryMarshal.Cast<byte, ushort>(destination));
                break;
            default:
                TensorPrimitives.ConvertToHalf(source, MemoryMarshal.Cast<byte, Half>(destination));
                break;
        }
    }

    /// <summary>Rounds to the nearest bfloat16, ties to even; NaN stays NaN.</summary>
    private static void NarrowBFloat16(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        for (int i = 0; i < source.Length; i++)
        {
            uint bits = BitConverter.SingleToUInt32Bits(source[i]);
            destination[i] = (ushort)((float.IsNaN(source[i]) ? bits | 0x0040_0000 : bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
        }
    }

    /// <summary>Index of the first value whose exponent bits are all ones (NaN or infinity), or -1.</summary>
    public static int IndexOfNonFinite(string dtype, ReadOnlySpan<byte> bytes) => dtype switch
    {
        "F32" => IndexOfAllSet(MemoryMarshal.Cast<byte, uint>(bytes), 0x7F80_0000u),
        "BF16" => IndexOfAllSet(MemoryMarshal.Cast<byte, ushort>(bytes), (ushort)0x7F80),
        "F16" => IndexOfAllSet(MemoryMarshal.Cast<byte, ushort>(bytes), (ushort)0x7C00),
        "F64" => IndexOfAllSet(MemoryMarshal.Cast<byte, ulong>(bytes), 0x7FF0_0000_0000_0000ul),
        _ => -1,
    };

    public static double ValueAt(string dtype, ReadOnlySpan<byte> bytes, int index) => dtype switch
    {
        "F32" => MemoryMarshal.Cast<byte, float>(bytes)[index],
        "BF16" => BitConverter.UInt32BitsToSingle((uint)MemoryMarshal.Cast<byte, ushort>(bytes)[index] << 16),
        "F16" => (double)MemoryMarshal.Cast<byte, Half>(bytes)[index],
        _ => MemoryMarshal.Cast<byte, double>(bytes)[index],
    };

    private static int IndexOfAllSet<T>(ReadOnlySpan<T> bits, T mask)
        where T : unmanaged, IBinaryInteger<T>
    {
        Vector<T> wide = new(mask);
        int i = 0;
        while (i <= bits.Length - Vector<T>.Count && !Vector.EqualsAny(new Vector<T>(bits[i..]) & wide, wide))
        {
            i += Vector<T>.Count;
        }

        for (; i < bits.Length; i++)
        {
            if ((bits[i] & mask) == mask)
            {
                return i;
            }
        }

        return -1;
    }
}
