using Medix.Runs;

namespace Medix.Evaluation;

/// <summary>
/// Bootstrap intervals (Efron and Tibshirani 1993). Resamples are lists of places, drawn from a seed or given, so that every result can be repeated.
/// </summary>
public static class Bootstrap
{
    /// <summary>Resamples of <paramref name="count"/> places with replacement; the r-th depends on the seed and r alone.</summary>
    public static IEnumerable<int[]> Resamples(int count, int resamples, ulong seed)
    {
        for (int r = 0; r < resamples; r++)
        {
            SeededRandom random = Seed.Random(seed, (ulong)r);
            int[] places = new int[count];
            for (int i = 0; i < count; i++)
            {
                places[i] = random.NextInt(count);
            }

            yield return places;
        }
    }

    /// <summary>The statistic of every resample, in their order.</summary>
    public static double[] Distribution(IReadOnlyList<double> values, Func<IReadOnlyList<double>, double> statistic, IEnumerable<int[]> resamples) =>
        [.. resamples.Select(places => statistic([.. places.Select(place => values[place])]))];

    /// <summary>The mean of all values of the drawn clusters, for every resample of clusters.</summary>
    public static double[] ClusterMeans(IReadOnlyList<double> values, IReadOnlyList<string> clusters, IEnumerable<int[]> resamples)
    {
        int[][] groups = Clusters.Group(clusters);
        double[] sums = [.. groups.Select(members => members.Sum(i => values[i]))];
        return [.. resamples.Select(places => places.Sum(place => sums[place]) / places.Sum(place => groups[place].Length))];
    }

    /// <summary>The middle part of a bootstrap distribution.</summary>
    public static Interval Percentile(double[] distribution, double level = 0.95)
    {
        double[] sorted = [.. distribution];
        Array.Sort(sorted);
        return new Interval(Intervals.SortedQuantile(sorted, (1 - level) / 2), Intervals.SortedQuantile(sorted, (1 + level) / 2));
    }

    /// <summary>The percentile interval mirrored at the estimate.</summary>
    public static Interval Basic(double estimate, double[] distribution, double level = 0.95)
    {
        Interval percentile = Percentile(distribution, level);
        return new Interval((2 * estimate) - percentile.High, (2 * estimate) - percentile.Low);
    }

    /// <summary>
    /// Bias-corrected and accelerated interval: ties with the estimate count half, acceleration from leaving one value out. NaN where every value is equal.
    /// </summary>
    public static Interval BiasCorrected(
        IReadOnlyList<double> values, Func<IReadOnlyList<double>, double> statistic, double[] distribution, double level = 0.95)
    {
        double[] sorted = [.. distribution];
        Array.Sort(sorted);
        double bias = Bias(statistic(values), distribution);
        double acceleration = Acceleration(values, statistic);
        double End(double probability)
        {
            double z = bias + Distributions.NormalQuantile(probability);
            double adjusted = Distributions.NormalCdf(bias + (z / (1 - (acceleration * z))));
            return double.IsNaN(adjusted) ? double.NaN : Intervals.SortedQuantile(sorted, adjusted);
        }

        return new Interval(End((1 - level) / 2), End((1 + level) / 2));
    }

    internal static double Bias(double estimate, double[] distribution)
    {
        int below = distribution.Count(value => value < estimate);
        int notAbove = distribution.Count(value => value <= estimate);
        return Distributions.NormalQuantile((below + notAbove) / (2.0 * distribution.Length));
    }

    internal static double Acceleration(IReadOnlyList<double> values, Func<IReadOnlyList<double>, double> statistic)
    {
        double[] left = [.. Enumerable.Range(0, values.Count).Select(out_ => statistic([.. values.Where((_, i) => i != out_)]))];
        double mean = left.Average();
        double squares = left.Sum(value => (mean - value) * (mean - value));
        return left.Sum(value => Math.Pow(mean - value, 3)) / (6 * Math.Pow(squares, 1.5));
    }
}
