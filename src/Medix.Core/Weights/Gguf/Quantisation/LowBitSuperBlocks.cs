namespace Medix.Weights.Gguf.Quantisation;

/// <summary>
/// Q2_K and Q3_K, read only: 256 values as two halves of 128; in a half, byte l holds two bits each of the values l, l + 32, l + 64 and l + 96.
/// Each 16 values have a scale of their own (and with 2 bits a minimum).
/// </summary>
internal static class LowBitSuperBlocks
{
    private const int Values = 256;

    public static void DecodeTwoBit(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        const int bytes = 84, levels = 16, scale = 80;
        for (; values.Length > 0; blocks = blocks[bytes..], values = values[Values..])
        {
            float d = BlockMath.ReadHalf(blocks[scale..]), minimum = BlockMath.ReadHalf(blocks[(scale + 2)..]);
            for (int part = 0; part < 16; part++)
            {
                float own = d * (blocks[part] & 15), offset = minimum * (blocks[part] >> 4);
                Place at = Place.Of(part);
                for (int l = 0; l < 16; l++)
                {
                    values[(part * 16) + l] = (own * ((blocks[levels + at.Byte + l] >> at.Shift) & 3)) - offset;
                }
            }
        }
    }

    public static void DecodeThreeBit(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        const int bytes = 110, levels = 32, scales = 96, scale = 108;
        for (; values.Length > 0; blocks = blocks[bytes..], values = values[Values..])
        {
            float d = BlockMath.ReadHalf(blocks[scale..]);
            for (int part = 0; part < 16; part++)
            {
                float own = d * (ThreeBitScale(blocks.Slice(scales, 12), part) - 32);
                Place at = Place.Of(part);
                for (int l = 0; l < 16; l++)
                {
                    // The third bit is kept inverted: where it is missing, 4 is taken off.
                    bool third = (blocks[(part % 2 * 16) + l] & (1 << (part / 2))) != 0;
                    values[(part * 16) + l] = own * (((blocks[levels + at.Byte + l] >> at.Shift) & 3) - (third ? 0 : 4));
                }
            }
        }
    }

    /// <summary>Six bits: four in the halves of the first eight bytes, two in the last four.</summary>
    private static int ThreeBitScale(ReadOnlySpan<byte> scales, int part)
    {
        int low = part < 8 ? scales[part] & 15 : scales[part - 8] >> 4;
        return low | (((scales[8 + (part % 4)] >> (2 * (part / 4))) & 3) << 4);
    }

    /// <summary>Where the two bits of a part of 16 values are.</summary>
    private readonly record struct Place(int Byte, int Shift)
    {
        public static Place Of(int part) => new((part / 8 * 32) + (part % 2 * 16), part % 8 / 2 * 2);
    }
}
