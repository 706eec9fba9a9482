using System.Runtime.Intrinsics;

namespace Medix.Weights.Gguf.Quantisation;

/// <summary>
/// Q4_K and Q5_K: 256 values as eight parts of 32, each with a 6-bit scale and minimum in units of the block's own: w = d·scale·q − dmin·minimum.
/// Group g keeps the parts 2g and 2g + 1 in the halves of 32 bytes; a fifth bit of part j and value l is bit j of byte l of a table before them.
/// </summary>
internal static class AffineSuperBlocks
{
    private const int Values = 256;
    private const int Parts = 8;
    private const int PartValues = Values / Parts;
    private const int Head = 4 + PackedScales.Bytes;

    public static void DecodeFourBit(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; values.Length > 0; blocks = blocks[(Head + (Values / 2))..], values = values[Values..])
        {
            Decode(blocks, blocks.Slice(Head, Values / 2), [], values);
        }
    }

    public static void DecodeFiveBit(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; values.Length > 0; blocks = blocks[(Head + PartValues + (Values / 2))..], values = values[Values..])
        {
            Decode(blocks, blocks.Slice(Head + PartValues, Values / 2), blocks.Slice(Head, PartValues), values);
        }
    }

    public static void EncodeFourBit(ReadOnlySpan<float> values, Span<byte> blocks)
    {
        Span<byte> levels = stackalloc byte[Values];
        for (; values.Length > 0; blocks = blocks[(Head + (Values / 2))..], values = values[Values..])
        {
            Encode(values[..Values], new(15, -1f, 0.1f, 20), blocks, levels);
            PackHalves(levels, blocks.Slice(Head, Values / 2));
        }
    }

    public static void EncodeFiveBit(ReadOnlySpan<float> values, Span<byte> blocks)
    {
        Span<byte> levels = stackalloc byte[Values];
        for (; values.Length > 0; blocks = blocks[(Head + PartValues + (Values / 2))..], values = values[Values..])
        {
            Encode(values[..Values], new(31, -0.5f, 0.1f, 15), blocks, levels);
            Span<byte> fifth = blocks.Slice(Head, PartValues);
            fifth.Clear();
            for (int i = 0; i < Values; i++)
            {
                fifth[i % PartValues] |= (byte)(levels[i] >> 4 << (i / PartValues));
            }

            PackHalves(levels, blocks.Slice(Head + PartValues, Values / 2));
        }
    }

    private static void Decode(ReadOnlySpan<byte> head, ReadOnlySpan<byte> halves, ReadOnlySpan<byte> fifth, Span<float> values)
    {
        float d = BlockMath.ReadHalf(head), dmin = BlockMath.ReadHalf(head[2..]);
        ReadOnlySpan<byte> scales = head.Slice(4, PackedScales.Bytes);
        for (int part = 0; part < Parts; part++)
        {
            float scale = d * PackedScales.Scale(scales, part), minimum = dmin * PackedScales.Minimum(scales, part);
            ReadOnlySpan<byte> own = halves.Slice(part / 2 * PartValues, PartValues);
            Span<float> target = values.Slice(part * PartValues, PartValues);
            int shift = part % 2 * 4;
            for (int l = 0; l < PartValues; l++)
            {
                int level = (own[l] >> shift) & 15;
                level += fifth.Length == 0 ? 0 : ((fifth[l] >> part) & 1) << 4;
                target[l] = (scale * level) - minimum;
            }
        }
    }

    /// <summary>Finds the block's scales, writes them, and gives the values' levels.</summary>
    private static void Encode(ReadOnlySpan<float> values, AffineSearch search, Span<byte> head, Span<byte> levels)
    {
        Span<Vector256<float>> lanes = stackalloc Vector256<float>[PartValues];
        Lanes.Load(values, lanes);
        Span<Vector256<int>> found = stackalloc Vector256<int>[PartValues];
        search.Run(lanes, found, out Vector256<float> scales, out Vector256<float> minima);
        Span<byte> scaleLevels = stackalloc byte[Parts], minimumLevels = stackalloc byte[Parts];
        BlockMath.WriteHalf(head, ToSixBits(scales, scaleLevels));
        BlockMath.WriteHalf(head[2..], ToSixBits(minima, minimumLevels));
        PackedScales.Write(head[4..], scaleLevels, minimumLevels);
        Vector256<float> scale = BlockMath.ReadHalf(head) * Lanes.ToFloat(scaleLevels), minimum = BlockMath.ReadHalf(head[2..]) * Lanes.ToFloat(minimumLevels);
        Vector256<int> kept = Vector256.Equals(scale, Vector256<float>.Zero).AsInt32();
        for (int l = 0; l < PartValues; l++)
        {
            // A part whose scale vanished keeps the levels of the search.
            Vector256<int> level = Lanes.Clamp(Lanes.Nearest((lanes[l] + minimum) / scale), 0, search.Top);
            Lanes.Store(Vector256.ConditionalSelect(kept, found[l], level), levels, l, PartValues);
        }
    }

    /// <summary>Levels of 0 to 63 for the parts' scales; returns the unit they are in.</summary>
    private static float ToSixBits(Vector256<float> values, Span<byte> levels)
    {
        float largest = 0;
        for (int j = 0; j < Parts; j++)
        {
            largest = values[j] > largest ? values[j] : largest;
        }

        float inverse = largest > 0 ? 63f / largest : 0f;
        for (int j = 0; j < Parts; j++)
        {
            levels[j] = Math.Min((byte)63, (byte)BlockMath.Nearest(inverse * values[j]));
        }

        return largest / 63f;
    }

    private static void PackHalves(ReadOnlySpan<byte> levels, Span<byte> halves)
    {
        for (int i = 0; i < halves.Length; i++)
        {
            int first = (i / PartValues * 2 * PartValues) + (i % PartValues);
            halves[i] = (byte)((levels[first] & 15) | ((levels[first + PartValues] & 15) << 4));
        }
    }
}
