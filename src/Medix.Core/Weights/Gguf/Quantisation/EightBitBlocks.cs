using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace Medix.Weights.Gguf.Quantisation;

/// <summary>Q8_0: 32 values as signed bytes times a scale.</summary>
internal static class EightBitBlocks
{
    private const int Values = 32;

    public static void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; values.Length > 0; blocks = blocks[(2 + Values)..], values = values[Values..])
        {
            float scale = BlockMath.ReadHalf(blocks);
            ReadOnlySpan<sbyte> levels = MemoryMarshal.Cast<byte, sbyte>(blocks.Slice(2, Values));
            for (int j = 0; j < levels.Length; j++)
            {
                values[j] = levels[j] * scale;
            }
        }
    }

    public static void Encode(ReadOnlySpan<float> values, Span<byte> blocks)
    {
        for (; values.Length > 0; blocks = blocks[(2 + Values)..], values = values[Values..])
        {
            float largest = Math.Abs(TensorPrimitives.MaxMagnitudeNumber(values[..Values]));
            float scale = largest / 127f, inverse = BlockMath.Inverse(scale);
            BlockMath.WriteHalf(blocks, scale);
            for (int j = 0; j < Values; j++)
            {
                // Halves go away from zero, unlike everywhere else.
                blocks[2 + j] = (byte)(sbyte)MathF.Round(values[j] * inverse, MidpointRounding.AwayFromZero);
            }
        }
    }
}
