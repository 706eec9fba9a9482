namespace Medix.Weights.Gguf.Quantisation;

/// <summary>The float types: blocks of one value.</summary>
internal static class FloatBlocks
{
    public static void DecodeF32(ReadOnlySpan<byte> blocks, Span<float> values) => FloatFormats.Widen("F32", blocks, values);

    public static void DecodeF16(ReadOnlySpan<byte> blocks, Span<float> values) => FloatFormats.Widen("F16", blocks, values);

    public static void DecodeBF16(ReadOnlySpan<byte> blocks, Span<float> values) => FloatFormats.Widen("BF16", blocks, values);

    public static void EncodeF32(ReadOnlySpan<float> values, Span<byte> blocks) => FloatFormats.Narrow("F32", values, blocks);

    public static void EncodeF16(ReadOnlySpan<float> values, Span<byte> blocks) => FloatFormats.Narrow("F16", values, blocks);

    public static void EncodeBF16(ReadOnlySpan<float> values, Span<byte> blocks) => FloatFormats.Narrow("BF16", values, blocks);
}
