using System.Text.Json;
using CsCheck;
using Medix.Evaluation;
using Medix.Runs;

namespace Medix.Core.Tests.Evaluation;

public class EstimateTests
{
    [Fact]
    public void In_json_an_estimate_has_four_fields()
    {
        string json = JsonSerializer.Serialize(new Estimate(0.5, 0.25, 0.75, 8), JsonSerializerOptions.Web);
        Assert.Equal("""{"mean":0.5,"low":0.25,"high":0.75,"count":8}""", json);
    }

    [Fact]
    public void A_clear_gain_is_found_and_none_is_not()
    {
        SeededRandom random = Seed.Random(3);
        PairedScore[] gain = [.. Enumerable.Range(0, 120).Select(i => Pair(i / 3, random.NextDouble(0, 0.4), random.NextDouble(0.3, 1)))];
        PairedComparison found = PairedComparison.Compute(gain, 1);
        Assert.True(found.Difference.Low > 0 && found.After.IsAbove(found.Before) && found.PValue < 0.001);

        PairedScore[] none = [.. Enumerable.Range(0, 120).Select(i => Pair(i / 3, random.NextDouble(), random.NextDouble()))];
        PairedComparison missed = PairedComparison.Compute(none, 1);
        Assert.True(missed.Difference.Low < 0 && missed.Difference.High > 0 && missed.PValue > 0.05);
    }

    [Fact]
    public void Pairs_with_an_unscored_side_are_left_out_and_counted()
    {
        PairedComparison comparison = PairedComparison.Compute([Pair(0, 0, 1), Pair(1, null, 1), Pair(2, 0.5, null), Pair(3, 0, 1)], 1);
        Assert.Equal((2, 2, 1.0), (comparison.LeftOut, comparison.Difference.Count, comparison.Difference.Mean));
        Assert.Throws<ArgumentOutOfRangeException>(() => PairedComparison.Compute([Pair(0, null, 1)], 1));
    }

    [Fact]
    public void The_seed_decides_and_clusters_widen()
    {
        SeededRandom random = Seed.Random(5);
        double[] levels = [.. Enumerable.Range(0, 10).Select(_ => random.NextDouble())];
        double[] values = [.. Enumerable.Range(0, 100).Select(i => levels[i / 10])];
        string[] clusters = [.. Enumerable.Range(0, 100).Select(i => $"{i / 10}")];
        string[] apart = [.. Enumerable.Range(0, 100).Select(i => $"{i}")];
        Estimate clustered = Estimates.Mean(values, clusters, 1);
        Assert.Equal(clustered, Estimates.Mean(values, clusters, 1));
        Assert.NotEqual(clustered, Estimates.Mean(values, clusters, 2));
        Estimate independent = Estimates.Mean(values, apart, 1);
        Assert.True(clustered.High - clustered.Low > 1.5 * (independent.High - independent.Low));
    }

    [Fact]
    public void The_sign_flip_test_by_draws_agrees_with_the_exhaustive_one()
    {
        SeededRandom random = Seed.Random(7);
        double[] few = [.. Enumerable.Range(0, 20).Select(_ => random.NextNormal() + 0.4)];
        double exact = PairedTests.SignFlip(few);

        // Twenty-one clusters are drawn; the last one changes nothing.
        double drawn = PairedTests.SignFlip([.. few, 0.0], draws: 40_000, seed: 1);
        Assert.InRange(drawn - exact, -0.01, 0.01);
        Assert.Equal(1, PairedTests.SignFlip([0, 0, 0]));
    }

    [Fact]
    public void Intervals_hold_the_estimate() => Gen.Select(Gen.Int[1, 500], Gen.Double[0, 1]).Sample((trials, share) =>
    {
        int successes = (int)(share * trials);
        Estimate estimate = Intervals.Proportion(successes, trials);
        Assert.True(estimate.Low <= estimate.Mean && estimate.Mean <= estimate.High && estimate.Low >= 0 && estimate.High <= 1);
    });

    private static PairedScore Pair(int cluster, double? before, double? after) => new($"{cluster}", before, after);
}
