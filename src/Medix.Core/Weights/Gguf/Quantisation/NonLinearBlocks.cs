using System.Buffers.Binary;

namespace Medix.Weights.Gguf.Quantisation;

/// <summary>IQ4_NL and IQ4_XS, read only: four bits choose one of sixteen fixed levels, which lie closer together near zero.</summary>
internal static class NonLinearBlocks
{
    private static ReadOnlySpan<sbyte> Levels => [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    public static void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; values.Length > 0; blocks = blocks[18..], values = values[32..])
        {
            DecodePart(blocks.Slice(2, 16), BlockMath.ReadHalf(blocks), values);
        }
    }

    /// <summary>256 values: eight parts of 32 with a 6-bit scale each, four bits of it in one place and two in another.</summary>
    public static void DecodeSuper(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; values.Length > 0; blocks = blocks[136..], values = values[256..])
        {
            float d = BlockMath.ReadHalf(blocks);
            int high = BinaryPrimitives.ReadUInt16LittleEndian(blocks[2..]);
            for (int part = 0; part < 8; part++)
            {
                int scale = ((blocks[4 + (part / 2)] >> (4 * (part % 2))) & 15) | (((high >> (2 * part)) & 3) << 4);
                DecodePart(blocks.Slice(8 + (16 * part), 16), d * (scale - 32), values[(32 * part)..]);
            }
        }
    }

    private static void DecodePart(ReadOnlySpan<byte> pairs, float scale, Span<float> values)
    {
        for (int j = 0; j < pairs.Length; j++)
        {
            values[j] = scale * Levels[pairs[j] & 15];
            values[j + 16] = scale * Levels[pairs[j] >> 4];
        }
    }
}
