using Medix.Runs;

namespace Medix.Evaluation;

/// <summary>Tests of paired outcomes; every p-value is two-sided.</summary>
public static class PairedTests
{
    private const int ExhaustiveUpTo = 20;

    /// <summary>
    /// Sign-flip permutation test of a mean difference of zero: how often the mean, with the sign of every cluster's differences drawn anew, is as far from
    /// 0 as observed. All assignments for up to 20 clusters, otherwise <paramref name="draws"/> seeded ones with the observed one counted in.
    /// </summary>
    public static double SignFlip(IReadOnlyList<double> differences, IReadOnlyList<string>? clusters = null, int draws = 10_000, ulong seed = 0)
    {
        double[] sums = clusters is null ? [.. differences] : [.. Clusters.Group(clusters).Select(members => members.Sum(i => differences[i]))];
        double observed = Math.Abs(sums.Sum());

        // Sums that are equal on paper may differ in the last bits.
        double reached = observed - (1e-12 * sums.Sum(Math.Abs));
        if (sums.Length <= ExhaustiveUpTo)
        {
            int all = 1 << sums.Length;
            int far = Enumerable.Range(0, all).Count(signs => Math.Abs(Flipped(sums, (ulong)(uint)signs)) >= reached);
            return (double)far / all;
        }

        SeededRandom random = Seed.Random(seed, Seed.Of("sign-flip"));
        int count = 1;
        for (int draw = 0; draw < draws; draw++)
        {
            count += Math.Abs(Flipped(sums, random)) >= reached ? 1 : 0;
        }

        return (double)count / (draws + 1);
    }

    /// <summary>Exact McNemar test: binomial test of the pairs that only one side got right.</summary>
    public static double McNemarExact(int onlyFirst, int onlySecond)
    {
        int pairs = onlyFirst + onlySecond;
        return pairs == 0 ? 1 : Math.Min(1, 2 * Distributions.BinomialCdf(Math.Min(onlyFirst, onlySecond), pairs, 0.5));
    }

    /// <summary>McNemar test with mid-p, less conservative than the exact one (Fagerland et al. 2013).</summary>
    public static double McNemarMidP(int onlyFirst, int onlySecond)
    {
        int pairs = onlyFirst + onlySecond;
        int less = Math.Min(onlyFirst, onlySecond);
        return pairs == 0 ? 1 : (2 * Distributions.BinomialCdf(less, pairs, 0.5)) - Distributions.BinomialPmf(less, pairs, 0.5);
    }

    /// <summary>Paired t test.</summary>
    public static double StudentT(IReadOnlyList<double> differences)
    {
        double t = differences.Average() / (Intervals.StandardDeviation(differences) / Math.Sqrt(differences.Count));
        return 2 * Distributions.StudentCdf(-Math.Abs(t), differences.Count - 1);
    }

    private static double Flipped(double[] sums, ulong signs)
    {
        double total = 0;
        for (int i = 0; i < sums.Length; i++)
        {
            total += ((signs >> i) & 1) == 0 ? sums[i] : -sums[i];
        }

        return total;
    }

    private static double Flipped(double[] sums, SeededRandom random)
    {
        double total = 0;
        for (int start = 0; start < sums.Length; start += 64)
        {
            ulong signs = random.NextBits();
            for (int i = start; i < Math.Min(start + 64, sums.Length); i++)
            {
                total += ((signs >> (i - start)) & 1) == 0 ? sums[i] : -sums[i];
            }
        }

        return total;
    }
}
