using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Weights.Gguf.Quantisation;

/// <summary>
/// Eight parts of a block side by side, one in each lane: every lane does what the scalar formula would do for its part, in the same order, so that
/// the results are equal bit for bit whatever the machine.
/// </summary>
internal static class Lanes
{
    public const int Count = 8;

    /// <summary>Value i of part j becomes lane j of vector i; the parts follow each other in <paramref name="values"/>.</summary>
    public static void Load(ReadOnlySpan<float> values, Span<Vector256<float>> lanes)
    {
        int n = lanes.Length;
        for (int i = 0; i < n; i++)
        {
            lanes[i] = Vector256.Create(
                values[i], values[i + n], values[i + (2 * n)], values[i + (3 * n)], values[i + (4 * n)], values[i + (5 * n)], values[i + (6 * n)], values[i + (7 * n)]);
        }
    }

    /// <summary>Puts lane j at place <paramref name="place"/> of part j.</summary>
    public static void Store(Vector256<int> values, Span<byte> target, int place, int partValues)
    {
        for (int j = 0; j < Count; j++)
        {
            target[(j * partValues) + place] = (byte)values[j];
        }
    }

    public static Vector256<float> ToFloat(ReadOnlySpan<byte> levels) =>
        Vector256.Create((float)levels[0], levels[1], levels[2], levels[3], levels[4], levels[5], levels[6], levels[7]);

    /// <summary>See <see cref="BlockMath.Nearest"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Nearest(Vector256<float> values) =>
        ((values + Vector256.Create(12582912f)).AsInt32() & Vector256.Create(0x7fffff)) - Vector256.Create(0x400000);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Clamp(Vector256<int> values, int least, int most) =>
        Vector256.Max(Vector256.Create(least), Vector256.Min(Vector256.Create(most), values));
}
