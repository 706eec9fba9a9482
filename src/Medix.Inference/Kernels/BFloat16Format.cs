namespace Medix.Inference.Kernels;

/// <summary>Conversion between float and bfloat16, the float's upper half.</summary>
internal static class BFloat16Format
{
    /// <summary>Rounds to the nearest, ties to even; NaN stays NaN.</summary>
    public static ushort Round(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    public static float ToSingle(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);
}
