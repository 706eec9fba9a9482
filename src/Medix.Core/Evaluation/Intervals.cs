namespace Medix.Evaluation;

/// <summary>Intervals from formulas. Levels are in (0, 1), 0.95 by default.</summary>
public static class Intervals
{
    /// <summary>Wilson's score interval of a proportion (1927): keeps its coverage for few trials and near 0 and 1.</summary>
    public static Estimate Proportion(int successes, int trials, double level = 0.95)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(trials, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(successes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(successes, trials);
        double z = NormalCritical(level);
        double p = (double)successes / trials;
        double spread = z * z / trials;
        double centre = (p + (spread / 2)) / (1 + spread);
        double half = z / (1 + spread) * Math.Sqrt(((p * (1 - p)) + (spread / 4)) / trials);

        // At 0 and at all the formula gives exactly 0 and 1 but for rounding.
        double low = successes == 0 ? 0 : Math.Max(0, centre - half);
        double high = successes == trials ? 1 : Math.Min(1, centre + half);
        return new Estimate(p, low, high, trials);
    }

    /// <summary>Student's t interval of a mean; needs two values or more.</summary>
    public static Estimate Mean(IReadOnlyList<double> values, double level = 0.95)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(values.Count, 2);
        double mean = values.Average();
        double half = StudentCritical(level, values.Count - 1) * StandardDeviation(values) / Math.Sqrt(values.Count);
        return new Estimate(mean, mean - half, mean + half, values.Count);
    }

    /// <summary>
    /// A mean whose values are alike within clusters (questions of one image): t interval with as many degrees of freedom as clusters less one, from the
    /// cluster-robust standard error with the factor G/(G-1) (CR1). Needs two clusters or more.
    /// </summary>
    public static Estimate ClusteredMean(IReadOnlyList<double> values, IReadOnlyList<string> clusters, double level = 0.95)
    {
        double mean = values.Average();
        double[] sums = [.. Clusters.Group(clusters).Select(members => members.Sum(i => values[i] - mean))];
        ArgumentOutOfRangeException.ThrowIfLessThan(sums.Length, 2);
        double variance = sums.Sum(sum => sum * sum) / ((double)values.Count * values.Count);
        double error = Math.Sqrt(variance * sums.Length / (sums.Length - 1));
        double half = StudentCritical(level, sums.Length - 1) * error;
        return new Estimate(mean, mean - half, mean + half, values.Count);
    }

    /// <summary>Standard deviation with divisor n - 1.</summary>
    public static double StandardDeviation(IReadOnlyList<double> values)
    {
        double mean = values.Average();
        return Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1));
    }

    /// <summary>The quantile of values at <paramref name="q"/> in [0, 1], linear between order statistics (type 7 of Hyndman and Fan).</summary>
    public static double Quantile(IReadOnlyList<double> values, double q)
    {
        double[] sorted = [.. values];
        Array.Sort(sorted);
        return SortedQuantile(sorted, q);
    }

    internal static double SortedQuantile(ReadOnlySpan<double> sorted, double q)
    {
        double place = q * (sorted.Length - 1);
        int below = Math.Clamp((int)Math.Floor(place), 0, sorted.Length - 1);
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((place - below) * (sorted[above] - sorted[below]));
    }

    internal static double NormalCritical(double level) => -Distributions.NormalQuantile((1 - level) / 2);

    internal static double StudentCritical(double level, double degrees) => -Distributions.StudentQuantile((1 - level) / 2, degrees);
}
