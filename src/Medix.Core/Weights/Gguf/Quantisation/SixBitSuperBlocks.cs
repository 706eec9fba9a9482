using System.Runtime.Intrinsics;

namespace Medix.Weights.Gguf.Quantisation;

/// <summary>
/// Q6_K: 256 values as sixteen parts of 16, each with a signed 8-bit scale in units of the block's own: w = d·scale·(q − 32). In each half of 128 values, 64 bytes
/// hold the low four bits (value l with l + 64, l + 32 with l + 96) and 32 bytes the upper two of l, l + 32, l + 64 and l + 96. The block's scale comes last.
/// </summary>
internal static class SixBitSuperBlocks
{
    private const int Values = 256;
    private const int Parts = 16;
    private const int PartValues = Values / Parts;
    private const int Upper = Values / 2;
    private const int Scales = Upper + (Values / 4);
    private const int Scale = Scales + Parts;
    private const int Bytes = Scale + 2;

    public static void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; values.Length > 0; blocks = blocks[Bytes..], values = values[Values..])
        {
            float d = BlockMath.ReadHalf(blocks[Scale..]);
            for (int part = 0; part < Parts; part++)
            {
                float scale = d * (sbyte)blocks[Scales + part];
                Place at = Place.Of(part);
                ReadOnlySpan<byte> low = blocks.Slice(at.Low, PartValues), high = blocks.Slice(at.High, PartValues);
                Span<float> target = values.Slice(part * PartValues, PartValues);
                for (int l = 0; l < PartValues; l++)
                {
                    int level = ((low[l] >> at.LowShift) & 15) | (((high[l] >> at.HighShift) & 3) << 4);
                    target[l] = scale * (level - 32);
                }
            }
        }
    }

    public static void Encode(ReadOnlySpan<float> values, Span<byte> blocks)
    {
        Span<Vector256<float>> lanes = stackalloc Vector256<float>[Values / Lanes.Count];
        Span<Vector256<int>> levels = stackalloc Vector256<int>[Values / Lanes.Count];
        for (; values.Length > 0; blocks = blocks[Bytes..], values = values[Values..])
        {
            EncodeBlock(values[..Values], blocks[..Bytes], lanes, levels);
        }
    }

    private static void EncodeBlock(ReadOnlySpan<float> values, Span<byte> block, Span<Vector256<float>> lanes, Span<Vector256<int>> levels)
    {
        Span<float> scales = stackalloc float[Parts];
        SymmetricSearch search = new(32);
        for (int half = 0; half < 2; half++)
        {
            Span<Vector256<float>> own = lanes.Slice(half * PartValues, PartValues);
            Lanes.Load(values.Slice(half * Values / 2, Values / 2), own);
            search.Run(own, levels.Slice(half * PartValues, PartValues), out Vector256<float> found);
            found.CopyTo(scales[(half * Lanes.Count)..]);
        }

        block.Clear();
        float largest = BlockMath.Extreme(scales);
        if (Math.Abs(largest) < SymmetricSearch.Least)
        {
            return;
        }

        float inverse = -128f / largest;
        BlockMath.WriteHalf(block[Scale..], 1f / inverse);
        for (int part = 0; part < Parts; part++)
        {
            block[Scales + part] = (byte)(sbyte)Math.Min(127, BlockMath.Nearest(inverse * scales[part]));
        }

        Span<byte> packed = stackalloc byte[Values];
        for (int half = 0; half < 2; half++)
        {
            Round(lanes.Slice(half * PartValues, PartValues), levels.Slice(half * PartValues, PartValues), block, half, packed[(half * Values / 2)..]);
        }

        Pack(packed, block);
    }

    /// <summary>Levels for the scales as they were rounded; a part whose scale vanished keeps those of the search.</summary>
    private static void Round(ReadOnlySpan<Vector256<float>> lanes, ReadOnlySpan<Vector256<int>> levels, ReadOnlySpan<byte> block, int half, Span<byte> packed)
    {
        float d = BlockMath.ReadHalf(block[Scale..]);
        Span<float> scales = stackalloc float[Lanes.Count];
        for (int j = 0; j < Lanes.Count; j++)
        {
            scales[j] = d * (sbyte)block[Scales + (half * Lanes.Count) + j];
        }

        Vector256<float> scale = Vector256.Create<float>(scales);
        Vector256<int> kept = Vector256.Equals(scale, Vector256<float>.Zero).AsInt32();
        for (int l = 0; l < PartValues; l++)
        {
            Vector256<int> level = Lanes.Clamp(Lanes.Nearest(lanes[l] / scale), -32, 31) + Vector256.Create(32);
            Lanes.Store(Vector256.ConditionalSelect(kept, levels[l], level), packed, l, PartValues);
        }
    }

    private static void Pack(ReadOnlySpan<byte> levels, Span<byte> block)
    {
        for (int part = 0; part < Parts; part++)
        {
            Place at = Place.Of(part);
            for (int l = 0; l < PartValues; l++)
            {
                byte level = levels[(part * PartValues) + l];
                block[at.Low + l] |= (byte)((level & 15) << at.LowShift);
                block[at.High + l] |= (byte)(level >> 4 << at.HighShift);
            }
        }
    }

    /// <summary>Where the bits of a part's first value are.</summary>
    private readonly record struct Place(int Low, int LowShift, int High, int HighShift)
    {
        public static Place Of(int part)
        {
            int half = part / 8, quarter = part % 8 / 2, odd = part % 2 * PartValues;
            return new((half * 64) + (quarter % 2 * 32) + odd, quarter / 2 * 4, Upper + (half * 32) + odd, quarter * 2);
        }
    }
}
