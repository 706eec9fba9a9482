using System.Runtime.Intrinsics;

namespace Medix.Weights.Gguf.Quantisation;

/// <summary>
/// Finds the scale of w ≈ scale·q, q from −<paramref name="Half"/> to <paramref name="Half"/> − 1, for eight parts at once: trial scales around the one that maps the
/// value farthest from zero to −<paramref name="Half"/>, and for each the best scale by least squares with the values' squares as weights.
/// The method is that of llama.cpp's k-quants.
/// </summary>
internal readonly record struct SymmetricSearch(int Half)
{
    // Parts this small count as zero.
    public const float Least = 1e-15f;

    private const int Trials = 9;

    /// <summary>Runs the search; <paramref name="levels"/> are q + Half.</summary>
    public void Run(ReadOnlySpan<Vector256<float>> values, Span<Vector256<int>> levels, out Vector256<float> scale)
    {
        Vector256<float> zero = Vector256<float>.Zero, largest = zero, extreme = zero;
        foreach (Vector256<float> value in values)
        {
            Vector256<float> farther = Vector256.GreaterThan(Vector256.Abs(value), largest);
            largest = Vector256.ConditionalSelect(farther, Vector256.Abs(value), largest);
            extreme = Vector256.ConditionalSelect(farther, value, extreme);
        }

        Vector256<float> chosen = Vector256.Create((float)-Half) / extreme;
        Sum(values, chosen, out Vector256<float> sumXL, out Vector256<float> sumLL);
        scale = Vector256.ConditionalSelect(Vector256.Equals(sumLL, zero), zero, sumXL / sumLL);
        Vector256<float> best = scale * sumXL;
        for (int trial = -Trials; trial <= Trials; trial++)
        {
            if (trial == 0)
            {
                continue;
            }

            Vector256<float> inverse = Vector256.Create(-(Half + (0.1f * trial))) / extreme;
            Sum(values, inverse, out sumXL, out sumLL);
            Vector256<float> better = Vector256.GreaterThan(sumLL, zero) & Vector256.GreaterThan(sumXL * sumXL, best * sumLL);
            Vector256<float> ownScale = sumXL / sumLL;
            scale = Vector256.ConditionalSelect(better, ownScale, scale);
            best = Vector256.ConditionalSelect(better, ownScale * sumXL, best);
            chosen = Vector256.ConditionalSelect(better, inverse, chosen);
        }

        Vector256<float> empty = Vector256.LessThan(largest, Vector256.Create(Least));
        scale = Vector256.ConditionalSelect(empty, zero, scale);
        for (int i = 0; i < values.Length; i++)
        {
            levels[i] = Vector256.ConditionalSelect(empty.AsInt32(), Vector256<int>.Zero, Level(values[i], chosen) + Vector256.Create(Half));
        }
    }

    private Vector256<int> Level(Vector256<float> value, Vector256<float> inverse) => Lanes.Clamp(Lanes.Nearest(inverse * value), -Half, Half - 1);

    private void Sum(ReadOnlySpan<Vector256<float>> values, Vector256<float> inverse, out Vector256<float> sumXL, out Vector256<float> sumLL)
    {
        sumXL = sumLL = Vector256<float>.Zero;
        foreach (Vector256<float> value in values)
        {
            Vector256<float> level = Vector256.ConvertToSingle(Level(value, inverse)), weight = value * value;
            sumXL += weight * value * level;
            sumLL += weight * level * level;
        }
    }
}
