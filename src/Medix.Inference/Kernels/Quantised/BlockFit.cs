using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels.Quantised;

/// <summary>
/// Finds the scale (and minimum) with which a block of 32 values loses least when rounded to few integers: a few candidate grids, each then refitted by least
/// squares to the integers it gave. Errors are weighted by importance.
/// </summary>
internal static unsafe class BlockFit
{
    private const int Lanes = 16;

    /// <summary>
    /// The scale s for value ≈ s·q, q in [-<paramref name="most"/>, most - 1]. The value of largest magnitude lies near the longer, negative end, so s may be negative.
    /// </summary>
    public static float Symmetric(float* values, float* importance, int most)
    {
        Vector512<float> x0 = Vector512.Load(values), x1 = Vector512.Load(values + Lanes), w0 = Vector512.Load(importance), w1 = Vector512.Load(importance + Lanes);
        float extreme = Extreme(values);
        if (extreme == 0)
        {
            return 0;
        }

        const int candidates = 9;
        float best = extreme / -most, bestGain = float.NegativeInfinity;
        for (int i = 0; i < candidates; i++)
        {
            float inverse = -(most + (0.25f * (i - 6))) / extreme;
            Vector512<float> q0 = Grid(x0 * inverse, -most, most - 1), q1 = Grid(x1 * inverse, -most, most - 1);
            float product = Vector512.Sum((w0 * x0 * q0) + (w1 * x1 * q1)), square = Vector512.Sum((w0 * q0 * q0) + (w1 * q1 * q1));
            float gain = square > 0 ? product * product / square : 0;
            if (gain > bestGain)
            {
                bestGain = gain;
                best = square > 0 ? product / square : best;
            }
        }

        return best;
    }

    /// <summary>Scale s ≥ 0 and m ≥ 0 for value ≈ s·q - m, q in [0, <paramref name="most"/>].</summary>
    public static (float Scale, float Minimum) Affine(float* values, float* importance, int most)
    {
        Vector512<float> x0 = Vector512.Load(values), x1 = Vector512.Load(values + Lanes), w0 = Vector512.Load(importance), w1 = Vector512.Load(importance + Lanes);
        float low = MathF.Min(0, Lowest(values)), high = MathF.Max(0, -Lowest(values, -1));
        if (high <= low)
        {
            return (0, 0);
        }

        Sums fixedSums = new(Vector512.Sum(w0 + w1), Vector512.Sum((w0 * x0) + (w1 * x1)));
        (float scale, float minimum, float error) = ((high - low) / most, -low, float.PositiveInfinity);
        const int candidates = 16;
        for (int i = 0; i < candidates; i++)
        {
            float inverse = (most - 1.2f + (0.12f * i)) / (high - low);
            Vector512<float> q0 = Grid((x0 - Vector512.Create(low)) * inverse, 0, most), q1 = Grid((x1 - Vector512.Create(low)) * inverse, 0, most);
            (float s, float m) = fixedSums.Fit(
                Vector512.Sum((w0 * q0) + (w1 * q1)), Vector512.Sum((w0 * q0 * q0) + (w1 * q1 * q1)), Vector512.Sum((w0 * x0 * q0) + (w1 * x1 * q1)));
            Vector512<float> e0 = (q0 * s) - Vector512.Create(m) - x0, e1 = (q1 * s) - Vector512.Create(m) - x1;
            float e = Vector512.Sum((w0 * e0 * e0) + (w1 * e1 * e1));
            if (e < error)
            {
                (scale, minimum, error) = (s, m, e);
            }
        }

        return (scale, minimum);
    }

    /// <summary>round((value + shift) / scale) + offset, kept in [0, most], as bytes; all offset (kept in range) where the scale is zero.</summary>
    public static void Integers(float* values, float scale, float shift, int offset, int most, byte* target)
    {
        float inverse = scale == 0 ? 0 : 1 / scale;
        for (int i = 0; i < QuantisedFormat.BlockSteps; i++)
        {
            float q = MathF.Round((values[i] + shift) * inverse) + offset;
            target[i] = (byte)Math.Clamp(float.IsNaN(q) ? offset : q, 0, most);
        }
    }

    /// <summary>The value of largest magnitude, with its sign.</summary>
    public static float Extreme(float* values)
    {
        float low = Lowest(values), high = -Lowest(values, -1);
        return -low > high ? low : high;
    }

    private static float Lowest(float* values, float sign = 1)
    {
        float lowest = float.PositiveInfinity;
        for (int i = 0; i < QuantisedFormat.BlockSteps; i++)
        {
            lowest = MathF.Min(lowest, values[i] * sign);
        }

        return lowest;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Grid(Vector512<float> x, float low, float high) =>
        Vector512.Min(Vector512.Max(Vector512.Round(x), Vector512.Create(low)), Vector512.Create(high));

    /// <summary>Weighted sums that do not depend on the candidate.</summary>
    private readonly record struct Sums(float Weights, float Values)
    {
        /// <summary>Least squares for value = s·q - m under s ≥ 0, m ≥ 0.</summary>
        public (float Scale, float Minimum) Fit(float q, float qq, float xq)
        {
            float determinant = (Weights * qq) - (q * q);
            if (determinant > 0)
            {
                float s = ((Weights * xq) - (q * Values)) / determinant, m = ((q * xq) - (qq * Values)) / determinant;
                if (s >= 0 && m >= 0)
                {
                    return (s, m);
                }
            }

            return qq > 0 ? (MathF.Max(0, xq / qq), 0) : (0, Weights > 0 ? MathF.Max(0, -Values / Weights) : 0);
        }
    }
}
