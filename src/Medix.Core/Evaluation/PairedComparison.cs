namespace Medix.Evaluation;

/// <summary>One sample's scores before and after, null where unscored, and the key of samples that are alike (same image or patient).</summary>
public sealed record PairedScore(string Cluster, double? Before, double? After);

/// <summary>
/// Scores before and after on the same samples: both means and their difference with cluster-bootstrap percentile intervals, and a p-value from a
/// sign-flip test over clusters. <paramref name="LeftOut"/> counts pairs of which a side was unscored; they enter nothing.
/// </summary>
public sealed record PairedComparison(Estimate Before, Estimate After, Estimate Difference, double PValue, int LeftOut)
{
    /// <summary>Compares; the seed fixes resamples and sign flips. Needs at least one pair scored on both sides.</summary>
    public static PairedComparison Compute(IReadOnlyList<PairedScore> scores, ulong seed, int resamples = 2000, double level = 0.95)
    {
        PairedScore[] pairs = [.. scores.Where(score => score.Before is not null && score.After is not null)];
        ArgumentOutOfRangeException.ThrowIfZero(pairs.Length, nameof(scores));
        string[] clusters = [.. pairs.Select(pair => pair.Cluster)];
        double[] differences = [.. pairs.Select(pair => pair.After!.Value - pair.Before!.Value)];
        Estimate Mean(IEnumerable<double> values) => Estimates.Mean([.. values], clusters, seed, resamples, level);
        return new PairedComparison(
            Mean(pairs.Select(pair => pair.Before!.Value)),
            Mean(pairs.Select(pair => pair.After!.Value)),
            Mean(differences),
            PairedTests.SignFlip(differences, clusters, seed: seed),
            scores.Count - pairs.Length);
    }
}

/// <summary>Means with bootstrap intervals, as reports show them.</summary>
public static class Estimates
{
    /// <summary>
    /// The mean of values with a percentile interval from resampling whole clusters, so that many questions of one image do not count as many images.
    /// </summary>
    public static Estimate Mean(IReadOnlyList<double> values, IReadOnlyList<string> clusters, ulong seed, int resamples = 2000, double level = 0.95)
    {
        ArgumentOutOfRangeException.ThrowIfZero(values.Count, nameof(values));
        ArgumentOutOfRangeException.ThrowIfNotEqual(clusters.Count, values.Count);
        int count = clusters.Distinct(StringComparer.Ordinal).Count();
        Interval interval = Bootstrap.Percentile(Bootstrap.ClusterMeans(values, clusters, Bootstrap.Resamples(count, resamples, seed)), level);
        return new Estimate(values.Average(), interval.Low, interval.High, values.Count);
    }
}
