using System.Buffers.Binary;

namespace Medix.Weights.Gguf.Quantisation;

/// <summary>Q5_0 (scale d, q − 16) and Q5_1 (scale d, minimum m): as with 4 bits, and the fifth bit of value j is bit j of a 32-bit word before the pairs.</summary>
internal static class FiveBitBlocks
{
    private const int Values = 32;
    private const int Pairs = Values / 2;

    public static void DecodeSymmetric(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; values.Length > 0; blocks = blocks[(6 + Pairs)..], values = values[Values..])
        {
            float scale = BlockMath.ReadHalf(blocks);
            uint fifth = BinaryPrimitives.ReadUInt32LittleEndian(blocks[2..]);
            for (int j = 0; j < Pairs; j++)
            {
                values[j] = (Low(blocks[6 + j], fifth, j) - 16) * scale;
                values[j + Pairs] = (High(blocks[6 + j], fifth, j) - 16) * scale;
            }
        }
    }

    public static void DecodeAffine(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; values.Length > 0; blocks = blocks[(8 + Pairs)..], values = values[Values..])
        {
            float scale = BlockMath.ReadHalf(blocks), minimum = BlockMath.ReadHalf(blocks[2..]);
            uint fifth = BinaryPrimitives.ReadUInt32LittleEndian(blocks[4..]);
            for (int j = 0; j < Pairs; j++)
            {
                values[j] = (Low(blocks[8 + j], fifth, j) * scale) + minimum;
                values[j + Pairs] = (High(blocks[8 + j], fifth, j) * scale) + minimum;
            }
        }
    }

    public static void EncodeSymmetric(ReadOnlySpan<float> values, Span<byte> blocks)
    {
        for (; values.Length > 0; blocks = blocks[(6 + Pairs)..], values = values[Values..])
        {
            float scale = BlockMath.Extreme(values[..Values]) / -16f, inverse = BlockMath.Inverse(scale);
            BlockMath.WriteHalf(blocks, scale);
            Pack(values, inverse, 0f, 16.5f, blocks[2..]);
        }
    }

    public static void EncodeAffine(ReadOnlySpan<float> values, Span<byte> blocks)
    {
        for (; values.Length > 0; blocks = blocks[(8 + Pairs)..], values = values[Values..])
        {
            float minimum = BlockMath.Smallest(values[..Values]);
            float scale = (BlockMath.Largest(values[..Values]) - minimum) / 31f, inverse = BlockMath.Inverse(scale);
            BlockMath.WriteHalf(blocks, scale);
            BlockMath.WriteHalf(blocks[2..], minimum);
            Pack(values, inverse, minimum, 0.5f, blocks[4..]);
        }
    }

    private static void Pack(ReadOnlySpan<float> values, float inverse, float minimum, float round, Span<byte> target)
    {
        uint fifth = 0;
        for (int j = 0; j < Pairs; j++)
        {
            int low = Math.Min(31, (int)(((values[j] - minimum) * inverse) + round));
            int high = Math.Min(31, (int)(((values[j + Pairs] - minimum) * inverse) + round));
            target[4 + j] = (byte)((low & 15) | ((high & 15) << 4));
            fifth |= (uint)((low >> 4) & 1) << j;
            fifth |= (uint)((high >> 4) & 1) << (j + Pairs);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(target, fifth);
    }

    private static int Low(byte pair, uint fifth, int j) => (pair & 15) | (int)(((fifth >> j) & 1) << 4);

    private static int High(byte pair, uint fifth, int j) => (pair >> 4) | (int)(((fifth >> (j + Pairs)) & 1) << 4);
}
