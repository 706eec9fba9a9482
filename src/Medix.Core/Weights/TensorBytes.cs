namespace Medix.Weights;

/// <summary>Floats into a stream in a file's format, a slice at a time.</summary>
public static class TensorBytes
{
    private const int SliceValues = 1 << 20;

    /// <summary>Writes the values as <c>F32</c>, <c>BF16</c> or <c>F16</c>, rounded to nearest even.</summary>
    public static void Write(Stream stream, string dtype, ReadOnlySpan<float> values)
    {
        int width = DTypes.Bits(dtype) / 8;
        byte[] bytes = new byte[Math.Min(values.Length, SliceValues) * width];
        for (int at = 0; at < values.Length; at += SliceValues)
        {
            ReadOnlySpan<float> slice = values.Slice(at, Math.Min(SliceValues, values.Length - at));
            FloatFormats.Narrow(dtype, slice, bytes);
            stream.Write(bytes.AsSpan(0, slice.Length * width));
        }
    }
}
