using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>
/// Activations rounded to 8 bits on the fly: x ≈ scale · q, q in [-127, 127]. A row is a sequence of blocks of <see cref="BlockBytes"/> bytes: 32 integers, the scale, and
/// what corrects a product with unsigned weights. Each row depends on itself only.
/// </summary>
internal static unsafe class Activations
{
    /// <summary>32 integers, a float and a 32-bit correction: offset·Σq as an integer, or -scale·Σq as a float where several blocks share a scale.</summary>
    public const int BlockBytes = 40;
    public const int ScaleAt = 32;
    public const int CorrectionAt = 36;

    /// <summary>Below this a block counts as zero: its inverse would overflow.</summary>
    private const float Negligible = 1e-36f;

    [ThreadStatic]
    private static AlignedMemory? scratch;

    /// <summary>Bytes of a row of <paramref name="k"/> values, filled up with zeros to whole units.</summary>
    public static int RowBytes(QuantisedFormat format, int k) => format.Units(k) * format.UnitSteps / QuantisedFormat.BlockSteps * BlockBytes;

    /// <summary>Memory of this thread for the rows of one product; it grows to the largest asked for and is then used again.</summary>
    public static byte* Scratch(long bytes)
    {
        if (scratch is null || scratch.Length < bytes)
        {
            scratch?.Dispose();
            scratch = new AlignedMemory(bytes);
        }

        return scratch.Bytes;
    }

    /// <summary>Rounds one row.</summary>
    public static void Encode(QuantisedFormat format, float* x, int k, byte* target)
    {
        int span = format.BlocksPerScale * QuantisedFormat.BlockSteps;
        int padded = format.Units(k) * format.UnitSteps;
        float* last = stackalloc float[Q4KPacking.UnitSteps];
        for (int from = 0; from < padded; from += span, target += format.BlocksPerScale * BlockBytes)
        {
            float* source = x + from;
            if (from + span > k)
            {
                int left = Math.Max(0, k - from);
                new ReadOnlySpan<float>(source, left).CopyTo(new Span<float>(last, span));
                new Span<float>(last + left, span - left).Clear();
                source = last;
            }

            float largest = Largest(source, span);
            float scale = largest / 127f, inverse = largest > Negligible ? 127f / largest : 0f;
            for (int block = 0; block < format.BlocksPerScale; block++)
            {
                EncodeBlock(source + (block * QuantisedFormat.BlockSteps), scale, inverse, target + (block * BlockBytes), format.Offset);
            }
        }
    }

    private static void EncodeBlock(float* source, float scale, float inverse, byte* target, int offset)
    {
        Vector512<int> low = Round(source, inverse), high = Round(source + 16, inverse);
        Vector512<short> both = Vector512.Narrow(low, high);
        Vector256.Narrow(both.GetLower(), both.GetUpper()).Store((sbyte*)target);
        int sum = Vector512.Sum(low + high);
        *(float*)(target + ScaleAt) = scale;
        *(int*)(target + CorrectionAt) = offset == 0 ? BitConverter.SingleToInt32Bits(-scale * sum) : offset * sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Round(float* source, float inverse) =>
        Vector512.ConvertToInt32Native(Vector512.Round(Vector512.Load(source) * Vector512.Create(inverse)));

    private static float Largest(float* x, int n)
    {
        Vector512<float> largest = Vector512<float>.Zero;
        for (int i = 0; i < n; i += 16)
        {
            largest = Vector512.Max(largest, Vector512.Abs(Vector512.Load(x + i)));
        }

        Vector256<float> half = Vector256.Max(largest.GetLower(), largest.GetUpper());
        Vector128<float> quarter = Vector128.Max(half.GetLower(), half.GetUpper());
        quarter = Vector128.Max(quarter, Vector128.Shuffle(quarter, Vector128.Create(2, 3, 0, 1)));
        return MathF.Max(quarter[0], quarter[1]);
    }
}
