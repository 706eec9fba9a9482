using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

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
            pixels = ResizeWidth(pixels, image.Width, image.Height, size.Width, Sse2.IsSupported);
        }

        if (size.Height != image.Height)
        {
            pixels = ResizeHeight(pixels, size.Width * Channels, image.Height, size.Height);
        }

        return new RgbImage(size.Width, size.Height, pixels);
    }

    /// <summary>[height, width, 3] → [height, target, 3]; <paramref name="paired"/> takes the faster way where the processor has it.</summary>
    internal static byte[] ResizeWidth(byte[] source, int width, int height, int target, bool paired)
    {
        BicubicWeights axis = BicubicWeights.Create(width, target);
        byte[] result = GC.AllocateUninitializedArray<byte>(checked(height * target * Channels));

        // Loads are wider than a pixel and weights are padded to fours: spare bytes behind the row keep both inside the array.
        byte[] row = new byte[(width * Channels) + Vector128<byte>.Count];
        for (int y = 0; y < height; y++)
        {
            source.AsSpan(y * width * Channels, width * Channels).CopyTo(row);
            ResizeRow(row, axis, result.AsSpan(y * target * Channels, target * Channels), paired);
        }

        return result;
    }

    private static void ResizeRow(ReadOnlySpan<byte> row, BicubicWeights axis, Span<byte> output, bool paired)
    {
        int bits = axis.Bits;
        Vector128<int> half = Vector128.Create(1 << (bits - 1));
        for (int i = 0; i < axis.Starts.Length; i++)
        {
            ReadOnlySpan<byte> taps = row[(axis.Starts[i] * Channels)..];
            ReadOnlySpan<short> weights = axis.WeightsOf(i);
            Vector128<int> sum = half + (paired ? SumInPairs(taps, weights) : SumOneByOne(taps, weights));
            sum = Vector128.Clamp(sum >> bits, Vector128<int>.Zero, Vector128.Create(255));
            Span<byte> rgb = output.Slice(i * Channels, Channels);
            rgb[0] = (byte)sum[0];
            rgb[1] = (byte)sum[1];
            rgb[2] = (byte)sum[2];
        }
    }

    /// <summary>Σ weight·pixel with red, green and blue in the first three lanes; the fourth holds the next pixel's red and is not used.</summary>
    private static Vector128<int> SumOneByOne(ReadOnlySpan<byte> taps, ReadOnlySpan<short> weights)
    {
        Vector128<int> sum = Vector128<int>.Zero;
        for (int j = 0; j < weights.Length; j++)
        {
            uint pixel = BitConverter.ToUInt32(taps.Slice(j * Channels, 4));
            Vector128<ushort> wide = Vector128.WidenLower(Vector128.CreateScalarUnsafe(pixel).AsByte());
            sum += Vector128.WidenLower(wide).AsInt32() * weights[j];
        }

        return sum;
    }

    /// <summary>The same sum, four pixels at a time: two 16-bit products are added in one instruction.</summary>
    private static Vector128<int> SumInPairs(ReadOnlySpan<byte> taps, ReadOnlySpan<short> weights)
    {
        const byte None = 255;
        Vector128<byte> first = Vector128.Create(0, None, 3, None, 1, None, 4, None, 2, None, 5, None, None, None, None, None);
        Vector128<byte> second = Vector128.Create(6, None, 9, None, 7, None, 10, None, 8, None, 11, None, None, None, None, None);
        Vector128<int> sum = Vector128<int>.Zero;
        for (int j = 0; j <= weights.Length - 4; j += 4)
        {
            Vector128<byte> pixels = Vector128.Create(taps.Slice(j * Channels, Vector128<byte>.Count));
            int pair = BitConverter.ToInt32(MemoryMarshal.AsBytes(weights.Slice(j, 2)));
            int nextPair = BitConverter.ToInt32(MemoryMarshal.AsBytes(weights.Slice(j + 2, 2)));
            sum += Sse2.MultiplyAddAdjacent(Vector128.Shuffle(pixels, first).AsInt16(), Vector128.Create(pair).AsInt16());
            sum += Sse2.MultiplyAddAdjacent(Vector128.Shuffle(pixels, second).AsInt16(), Vector128.Create(nextPair).AsInt16());
        }

        return sum;
    }

    /// <summary>[height, rowLength] → [target, rowLength].</summary>
    internal static byte[] ResizeHeight(byte[] source, int rowLength, int height, int target)
    {
        BicubicWeights axis = BicubicWeights.Create(height, target);
        byte[] result = GC.AllocateUninitializedArray<byte>(checked(target * rowLength));
        int[] sums = new int[rowLength];
        for (int y = 0; y < target; y++)
        {
            Array.Fill(sums, 1 << (axis.Bits - 1));
            ReadOnlySpan<short> weights = axis.WeightsOf(y)[..axis.Counts[y]];
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
            Accumulate(sums[i..], Vector.AsVectorInt32(a) * factor);
            Accumulate(sums[(i + lanes)..], Vector.AsVectorInt32(b) * factor);
            Accumulate(sums[(i + (2 * lanes))..], Vector.AsVectorInt32(c) * factor);
            Accumulate(sums[(i + (3 * lanes))..], Vector.AsVectorInt32(d) * factor);
        }

        for (; i < row.Length; i++)
        {
            sums[i] += row[i] * weight;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Accumulate(Span<int> sums, Vector<int> values) => (new Vector<int>(sums) + values).CopyTo(sums);

    private static void Round(ReadOnlySpan<int> sums, int bits, Span<byte> output)
    {
        for (int i = 0; i < sums.Length; i++)
        {
            output[i] = (byte)Math.Clamp(sums[i] >> bits, 0, 255);
        }
    }
}
