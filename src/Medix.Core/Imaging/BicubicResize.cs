using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Medix.Imaging;

/// <summary>
/// Antialiased bicubic resize of an 8-bit RGB picture, bit for bit what torch does on the CPU (the published processors' default): the
/// width first, rounded to 8 bits, then the height. An axis that keeps its size is left alone.
/// </summary>
internal static class BicubicResize
{
    private const int Channels = 3;

    public static RgbImage Resize(RgbImage image, ImageSize size)
    {
        byte[] pixels = image.Pixels;
        if (size.Width != image.Width)
        {
            pixels = ResizeWidth(pixels, image.Width, image.Height, size.Width);
        }

        if (size.Height != image.Height)
        {
            pixels = ResizeHeight(pixels, size.Width * Channels, image.Height, size.Height);
        }

        return new RgbImage(size.Width, size.Height, pixels);
    }

    internal static byte[] ResizeWidth(byte[] source, int width, int height, int target)
    {
        BicubicWeights axis = BicubicWeights.Create(width, target);
        byte[] result = GC.AllocateUninitializedArray<byte>(checked(height * target * Channels));

        // One spare byte behind the row lets a whole 32-bit load take the last pixel.
        byte[] row = new byte[(width * Channels) + 1];
        for (int y = 0; y < height; y++)
        {
            source.AsSpan(y * width * Channels, width * Channels).CopyTo(row);
            ResizeRow(row, axis, result.AsSpan(y * target * Channels, target * Channels));
        }

        return result;
    }

    private static void ResizeRow(ReadOnlySpan<byte> row, BicubicWeights axis, Span<byte> output)
    {
        int bits = axis.Bits;
        Vector128<int> half = Vector128.Create(1 << (bits - 1));
        for (int i = 0; i < axis.Starts.Length; i++)
        {
            ReadOnlySpan<int> weights = axis.Weights.AsSpan(i * axis.Stride, axis.Counts[i]);
            ReadOnlySpan<byte> taps = row.Slice(axis.Starts[i] * Channels, (weights.Length * Channels) + 1);
            Vector128<int> sum = half;
            for (int j = 0; j < weights.Length; j++)
            {
                // Red, green and blue in three lanes; the fourth is the next pixel's red and is dropped.
                uint pixel = Unsafe.ReadUnaligned<uint>(in taps[j * Channels]);
                sum += Widen(pixel) * weights[j];
            }

            sum = Vector128.Clamp(sum >> bits, Vector128<int>.Zero, Vector128.Create(255));
            Span<byte> rgb = output.Slice(i * Channels, Channels);
            rgb[0] = (byte)sum[0];
            rgb[1] = (byte)sum[1];
            rgb[2] = (byte)sum[2];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Widen(uint bytes)
    {
        Vector128<ushort> shorts = Vector128.WidenLower(Vector128.CreateScalarUnsafe(bytes).AsByte());
        return Vector128.WidenLower(shorts).AsInt32();
    }

    internal static byte[] ResizeHeight(byte[] source, int rowLength, int height, int target)
    {
        BicubicWeights axis = BicubicWeights.Create(height, target);
        byte[] result = GC.AllocateUninitializedArray<byte>(checked(target * rowLength));
        int[] sums = new int[rowLength];
        for (int y = 0; y < target; y++)
        {
            Array.Fill(sums, 1 << (axis.Bits - 1));
            ReadOnlySpan<int> weights = axis.Weights.AsSpan(y * axis.Stride, axis.Counts[y]);
            for (int j = 0; j < weights.Length; j++)
            {
                AddRow(source.AsSpan((axis.Starts[y] + j) * rowLength, rowLength), weights[j], sums);
            }

            Round(sums, axis.Bits, result.AsSpan(y * rowLength, rowLength));
        }

        return result;
    }

    /// <summary>sums += weight · row.</summary>
    private static void AddRow(ReadOnlySpan<byte> row, int weight, Span<int> sums)
    {
        int i = 0;
        int lanes = Vector<int>.Count;
        Vector<int> factor = new(weight);
        for (; i <= row.Length - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            Vector.Widen(new Vector<byte>(row[i..]), out Vector<ushort> low, out Vector<ushort> high);
            Vector.Widen(low, out Vector<uint> a, out Vector<uint> b);
            Vector.Widen(high, out Vector<uint> c, out Vector<uint> d);
            ref int to = ref sums[i];
            Accumulate(ref to, Vector.AsVectorInt32(a) * factor);
            Accumulate(ref Unsafe.Add(ref to, lanes), Vector.AsVectorInt32(b) * factor);
            Accumulate(ref Unsafe.Add(ref to, 2 * lanes), Vector.AsVectorInt32(c) * factor);
            Accumulate(ref Unsafe.Add(ref to, 3 * lanes), Vector.AsVectorInt32(d) * factor);
        }

        for (; i < row.Length; i++)
        {
            sums[i] += row[i] * weight;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Accumulate(ref int sums, Vector<int> values) => (Vector.LoadUnsafe(ref sums) + values).StoreUnsafe(ref sums);

    private static void Round(ReadOnlySpan<int> sums, int bits, Span<byte> output)
    {
        for (int i = 0; i < sums.Length; i++)
        {
            output[i] = (byte)Math.Clamp(sums[i] >> bits, 0, 255);
        }
    }
}
