namespace Medix.Weights.Gguf.Quantisation;

/// <summary>
/// Eight 6-bit scales and eight 6-bit minima in 12 bytes, as Q4_K and Q5_K keep them: the first four of each whole in the low bits of bytes 0 to 3 and 4 to 7,
/// the others' low halves in bytes 8 to 11 and their upper two bits above the first four.
/// </summary>
internal static class PackedScales
{
    public const int Bytes = 12;

    public static int Scale(ReadOnlySpan<byte> packed, int j) => j < 4 ? packed[j] & 63 : (packed[j + 4] & 15) | (packed[j - 4] >> 6 << 4);

    public static int Minimum(ReadOnlySpan<byte> packed, int j) => j < 4 ? packed[j + 4] & 63 : (packed[j + 4] >> 4) | (packed[j] >> 6 << 4);

    public static void Write(Span<byte> packed, ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minima)
    {
        for (int j = 0; j < 4; j++)
        {
            packed[j] = (byte)(scales[j] | (scales[j + 4] >> 4 << 6));
            packed[j + 4] = (byte)(minima[j] | (minima[j + 4] >> 4 << 6));
            packed[j + 8] = (byte)((scales[j + 4] & 15) | ((minima[j + 4] & 15) << 4));
        }
    }
}
