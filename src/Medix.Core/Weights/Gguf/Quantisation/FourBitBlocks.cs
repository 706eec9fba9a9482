namespace Medix.Weights.Gguf.Quantisation;

/// <summary>
/// Q4_0 (scale d, q − 8) and Q4_1 (scale d, minimum m): 32 values in 16 bytes, value j in the low half of byte j and value j + 16 in its high half.
/// </summary>
internal static class FourBitBlocks
{
    private const int Values = 32;
    private const int Pairs = Values / 2;

    public static void DecodeSymmetric(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; values.Length > 0; blocks = blocks[(2 + Pairs)..], values = values[Values..])
        {
            float scale = BlockMath.ReadHalf(blocks);
            for (int j = 0; j < Pairs; j++)
            {
                byte pair = blocks[2 + j];
                values[j] = ((pair & 15) - 8) * scale;
                values[j + Pairs] = ((pair >> 4) - 8) * scale;
            }
        }
    }

    public static void DecodeAffine(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; values.Length > 0; blocks = blocks[(4 + Pairs)..], values = values[Values..])
        {
            float scale = BlockMath.ReadHalf(blocks), minimum = BlockMath.ReadHalf(blocks[2..]);
            for (int j = 0; j < Pairs; j++)
            {
                byte pair = blocks[4 + j];
                values[j] = ((pair & 15) * scale) + minimum;
                values[j + Pairs] = ((pair >> 4) * scale) + minimum;
            }
        }
    }

    public static void EncodeSymmetric(ReadOnlySpan<float> values, Span<byte> blocks)
    {
        for (; values.Length > 0; blocks = blocks[(2 + Pairs)..], values = values[Values..])
        {
            float scale = BlockMath.Extreme(values[..Values]) / -8f, inverse = BlockMath.Inverse(scale);
            BlockMath.WriteHalf(blocks, scale);
            for (int j = 0; j < Pairs; j++)
            {
                blocks[2 + j] = (byte)(Level(values[j], inverse) | (Level(values[j + Pairs], inverse) << 4));
            }
        }

        static int Level(float value, float inverse) => Math.Min(15, (int)((value * inverse) + 8.5f));
    }

    public static void EncodeAffine(ReadOnlySpan<float> values, Span<byte> blocks)
    {
        for (; values.Length > 0; blocks = blocks[(4 + Pairs)..], values = values[Values..])
        {
            float minimum = BlockMath.Smallest(values[..Values]);
            float scale = (BlockMath.Largest(values[..Values]) - minimum) / 15f, inverse = BlockMath.Inverse(scale);
            BlockMath.WriteHalf(blocks, scale);
            BlockMath.WriteHalf(blocks[2..], minimum);
            for (int j = 0; j < Pairs; j++)
            {
                blocks[4 + j] = (byte)(Level(values[j] - minimum, inverse) | (Level(values[j + Pairs] - minimum, inverse) << 4));
            }
        }

        static int Level(float value, float inverse) => Math.Min(15, (int)((value * inverse) + 0.5f));
    }
}
