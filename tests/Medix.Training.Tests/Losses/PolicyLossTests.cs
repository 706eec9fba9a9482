using CsCheck;
using Medix.Runs;
using Medix.Training.Losses;

namespace Medix.Training.Tests.Losses;

public class PolicyLossTests
{
    private static readonly ClipRange Narrow = new(3e-4, 4e-4);

    /// <summary>B in 1..4 rows of up to 5 tokens with log-ratios on both sides of any clip range.</summary>
    private static readonly Gen<PolicyBatch> Batches = Gen.Select(Gen.Int[1, 4], Gen.Int[0, int.MaxValue]).Select((rows, seed) => Random(rows, (ulong)seed));

    /// <summary>Two rows worked out by hand: three tokens with A = +1, two with A = −2.</summary>
    private static readonly PolicyBatch Example = new(
        ["a", "b"], 3, [-.8, -2.5, -.5, -1, -1.7, -3], [-1, -2, -.5, -1.5, -.2, -3], [1, 1, 1, -2, -2, -2], [true, true, true, true, true, false]);

    [Theory]
    [InlineData("clipped", LossAggregation.Token, .2, .3, .41390182, 1.3, .2)]
    [InlineData("clipped", LossAggregation.Sequence, .2, .3, .75303839, 1.30833333, .2)]
    [InlineData("gspo_token", LossAggregation.Sequence, 3e-4, 4e-4, .54728129, 1.30833333, .4)]
    [InlineData("cispo", LossAggregation.Token, .2, .28, -.36057556, 1.3, null)]
    public void Worked_example(string name, LossAggregation aggregation, double low, double high, double loss, double likelihood, double? clipped)
    {
        PolicyLossResult result = PolicyObjective.Compute(PolicyLosses.Create(name, new ClipRange(low, high)), Example, new PolicyLossOptions(aggregation));
        Assert.Equal(loss, result.Loss, 1e-8);
        Assert.Equal(.26, result.Metrics.ApproximateKl, 1e-12);
        Assert.Equal(likelihood, result.Metrics.NegativeLogLikelihood, 1e-8);
        Assert.Equal(0, result.Metrics.ClipDual);
        if (clipped is { } fraction)
        {
            Assert.Equal(fraction, result.Metrics.ClipLow + result.Metrics.ClipHigh, 1e-12);
        }
    }

    [Theory]
    [InlineData("clipped", .2, .3, new[] { -1.221403, -.606531, -1, 3.297443, 1.6 })]
    [InlineData("gspo_token", 3e-4, 4e-4, new[] { -.904837, -.904837, -.904837, 1.9994, 1.9994 })]
    [InlineData("cispo", .2, .28, new[] { .977122, 2, .5, -2.56, -2.72 })]
    public void Worked_example_by_token(string name, double low, double high, double[] losses)
    {
        TokenLoss[] tokens = new TokenLoss[5];
        IPolicyLoss loss = PolicyLosses.Create(name, new ClipRange(low, high));
        loss.Evaluate(Tokens(0, 3), tokens);
        loss.Evaluate(Tokens(3, 2), tokens.AsSpan(3));
        Assert.All(losses.Zip(tokens), pair => Assert.Equal(pair.First, pair.Second.Loss, 1e-6));
        static ResponseTokens Tokens(int at, int count) =>
            new(Example.LogProbs.AsSpan(at, count), Example.OldLogProbs.AsSpan(at, count), Example.Advantages.AsSpan(at, count));
    }

    [Fact]
    public void Dual_clip_bounds_what_a_bad_token_costs()
    {
        PolicyBatch batch = new(["a"], 1, [Math.Log(5)], [0], [-1], [true]);
        PolicyLossResult result = PolicyObjective.Compute(new ClippedLoss(new ClipRange(.2, .3)), batch, new PolicyLossOptions());
        Assert.Equal(3, result.Loss, 1e-12);
        Assert.Equal(1, result.Metrics.ClipDual);
        Assert.Equal(0, result.Gradient[0]);
    }

    [Theory]
    [InlineData(-1, -1.2, KlEstimator.Difference, .2)]
    [InlineData(-1, -1.2, KlEstimator.Absolute, .2)]
    [InlineData(-1, -1.2, KlEstimator.Squared, .02)]
    [InlineData(-1, -1.2, KlEstimator.K3, .01873075)]
    [InlineData(-1, -.5, KlEstimator.Difference, -.5)]
    [InlineData(-1, -.5, KlEstimator.Absolute, .5)]
    [InlineData(-1, -.5, KlEstimator.Squared, .125)]
    [InlineData(-1, -.5, KlEstimator.K3, .14872127)]
    [InlineData(-30, -1, KlEstimator.K3, 10)]
    [InlineData(-1, -30, KlEstimator.K3, 10)]
    public void Kl_estimates(double logProb, double reference, KlEstimator estimator, double value) =>
        Assert.Equal(value, KlTerm.Of(estimator, logProb, reference).Value, 1e-8);

    /// <summary>Fixed seeds: at a kink of the loss a difference quotient is no slope, and a random draw would hit one some day.</summary>
    [Fact]
    public void Gradients_are_the_slopes_of_the_loss()
    {
        foreach (PolicyBatch batch in Enumerable.Range(1, 60).Select(seed => Random(1 + (seed % 4), (ulong)seed)))
        {
            foreach ((IPolicyLoss loss, PolicyLossOptions options) in Cases())
            {
                double[] gradient = PolicyObjective.Compute(loss, batch, options).Gradient;
                Assert.All(gradient.Select((g, i) => (Analytic: g, Numeric: Slope(loss, batch, options, i))),
                    pair => Assert.Equal(pair.Numeric, pair.Analytic, 1e-6));
            }
        }
    }

    [Fact]
    public void A_step_is_the_same_however_it_is_cut() => Gen.Select(Batches, Batches).Sample((one, other) =>
    {
        PolicyBatch whole = new([.. one.Ids, .. other.Ids], one.Length, [.. one.LogProbs, .. other.LogProbs], [.. one.OldLogProbs, .. other.OldLogProbs],
            [.. one.Advantages, .. other.Advantages], [.. one.Mask, .. other.Mask])
        {
            ReferenceLogProbs = [.. one.ReferenceLogProbs!, .. other.ReferenceLogProbs!],
        };
        LossScale scale = LossScale.Of(one, other);
        foreach ((IPolicyLoss loss, PolicyLossOptions options) in Cases().Append((new GspoTokenLoss(Narrow), new PolicyLossOptions(LossAggregation.Sequence))))
        {
            PolicyLossResult expected = PolicyObjective.Compute(loss, whole, options);
            PolicyLossResult[] parts = [PolicyObjective.Compute(loss, one, options, scale), PolicyObjective.Compute(loss, other, options, scale)];
            Assert.Equal(expected.Loss, parts.Sum(p => p.Loss), 1e-12 * Math.Max(1, Math.Abs(expected.Loss)));
            Assert.Equal(expected.Gradient, parts.SelectMany(p => p.Gradient));
            LossMetrics combined = LossMetrics.Combine([.. parts.Select(p => p.Metrics)]);
            Assert.All(expected.Metrics.Named(), m => Assert.Equal(m.Value, combined.Named()[m.Key], 1e-9 * Math.Max(1, Math.Abs(m.Value))));
        }
    });

    [Fact]
    public void Outside_the_clip_range_the_clipped_gradient_is_zero() => Batches.Sample(batch =>
    {
        ClipRange clip = new(.2, .28);
        double[] gradient = PolicyObjective.Compute(new ClippedLoss(clip), batch, new PolicyLossOptions()).Gradient;
        for (int i = 0; i < gradient.Length; i++)
        {
            double ratio = Math.Exp(batch.LogProbs[i] - batch.OldLogProbs[i]);
            double advantage = batch.Advantages[i];
            bool held = (advantage > 0 && ratio > 1.28) || (advantage < 0 && ratio < .8) || (advantage < 0 && ratio > 3);
            Assert.Equal(!batch.Mask[i] || held, gradient[i] == 0);
            Assert.True(!batch.Mask[i] || held || Math.Sign(gradient[i]) == -Math.Sign(advantage));
        }
    });

    [Fact]
    public void Gspo_and_gspo_token_agree_where_a_response_has_one_advantage() => Batches.Sample(batch =>
    {
        double[] advantages = [.. Enumerable.Range(0, batch.Advantages.Length).Select(i => batch.Advantages[i / batch.Length * batch.Length])];
        PolicyBatch constant = batch with { Advantages = advantages };
        PolicyLossOptions options = new(LossAggregation.Sequence);
        PolicyLossResult sequence = PolicyObjective.Compute(new GspoLoss(new ClipRange(.2, .3)), constant, options);
        PolicyLossResult token = PolicyObjective.Compute(new GspoTokenLoss(new ClipRange(.2, .3)), constant, options);
        Assert.Equal(sequence.Loss, token.Loss, 1e-12);
        Assert.All(sequence.Gradient.Zip(token.Gradient), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
    });

    [Fact]
    public void Padding_is_never_read() => Batches.Sample(batch =>
    {
        double[] Spoil(double[] values) => [.. values.Select((v, i) => batch.Mask[i] ? v : double.NaN)];
        PolicyBatch spoiled = batch with
        {
            LogProbs = Spoil(batch.LogProbs),
            OldLogProbs = Spoil(batch.OldLogProbs),
            Advantages = Spoil(batch.Advantages),
            ReferenceLogProbs = Spoil(batch.ReferenceLogProbs!),
        };
        foreach ((IPolicyLoss loss, PolicyLossOptions options) in Cases())
        {
            PolicyLossResult expected = PolicyObjective.Compute(loss, batch, options);
            PolicyLossResult actual = PolicyObjective.Compute(loss, spoiled, options);
            Assert.Equal(expected.Loss, actual.Loss);
            Assert.Equal(expected.Gradient, actual.Gradient);
            Assert.Equal(expected.Metrics, actual.Metrics);
        }
    });

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.NegativeInfinity)]
    [InlineData(double.PositiveInfinity)]
    public void A_non_finite_number_on_a_token_is_refused_with_its_place(double bad)
    {
        PolicyBatch batch = new(["first", "second"], 2, [-1, -1, -1, bad], [-1, -1, -1, -1], [1, 1, 1, 1], [true, true, true, true]);
        AssertNamed(batch);
        AssertNamed(batch with { LogProbs = batch.OldLogProbs, OldLogProbs = batch.LogProbs });
        AssertNamed(batch with { LogProbs = batch.OldLogProbs, Advantages = batch.LogProbs });
        AssertNamed(batch with { LogProbs = batch.OldLogProbs, ReferenceLogProbs = batch.LogProbs });

        static void AssertNamed(PolicyBatch batch)
        {
            string message = Assert.Throws<MedixException>(() => PolicyObjective.Compute(new ClippedLoss(Narrow), batch, new PolicyLossOptions())).Message;
            Assert.Contains("'second'", message, StringComparison.Ordinal);
            Assert.Contains("response token 1,", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Wrong_settings_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new ClippedLoss(new ClipRange(1.2, .3)));
        Assert.Throws<ArgumentException>(() => new GspoLoss(new ClipRange(.2, 0)));
        Assert.Throws<ArgumentException>(() => new CispoLoss(new ClipRange(.2, .2, 1)));
        Assert.Contains("cispo", Assert.Throws<MedixException>(() => PolicyLosses.Create("sispo", Narrow)).Message, StringComparison.Ordinal);
        ClippedLoss loss = new(new ClipRange(.2, .2));
        Assert.Throws<MedixException>(() => PolicyObjective.Compute(loss, Example, new PolicyLossOptions(LossAggregation.ConstantLength)));
        Assert.Throws<MedixException>(() => PolicyObjective.Compute(loss, Example, new PolicyLossOptions(Kl: new KlPenalty(KlEstimator.K3, 1))));
        Assert.Throws<ArgumentException>(() => PolicyObjective.Compute(loss, Example with { Advantages = [1] }, new PolicyLossOptions()));
        Assert.Throws<ArgumentException>(() => PolicyObjective.Compute(loss, Example with { Entropies = [1] }, new PolicyLossOptions()));
    }

    [Fact]
    public void Collation_pads_rows_beside_the_trainers_log_probabilities()
    {
        PolicyRow[] rows = [new("a", [-1, -2], [.5, .5], [-1, -1]), new("b", [-3], [-.5], [-2])];
        PolicyBatch batch = PolicyBatch.Collate(rows, 3, [-1.5f, -2.5f, 9, -3.5f, 9, 9], [1, 2, 9, 3, 9, 9]);
        Assert.Equal([true, true, false, true, false, false], batch.Mask);
        Assert.Equal([-1, -2, 0, -3, 0, 0], batch.OldLogProbs);
        Assert.Equal([-1, -1, 0, -2, 0, 0], batch.ReferenceLogProbs!);
        Assert.Equal([.5, .5, 0, -.5, 0, 0], batch.Advantages);
        Assert.Equal(new LossScale(3, 2), LossScale.Of(batch));
        Assert.Equal(new LossScale(3, 2), LossScale.OfLengths(2, 1, 0));
        LossMetrics metrics = PolicyObjective.Compute(new ClippedLoss(Narrow), batch, new PolicyLossOptions()).Metrics;
        Assert.Equal(2, metrics.Entropy!.Value, 1e-12);
        Assert.Equal(Math.Exp(-.5), metrics.RatioMinimum, 1e-12);
        Assert.Equal(metrics.RatioMaximum, metrics.RatioMinimum);
        Assert.Throws<ArgumentException>(() => PolicyBatch.Collate([rows[0] with { Advantages = [1] }], 3, [0, 0, 0]));
    }

    [Fact]
    public void A_batch_without_a_token_is_nothing()
    {
        PolicyBatch batch = new(["a"], 2, [double.NaN, 0], [0, 0], [1, 1], [false, false]);
        PolicyLossResult result = PolicyObjective.Compute(new ClippedLoss(Narrow), batch, new PolicyLossOptions());
        Assert.Equal(0, result.Loss);
        Assert.All(result.Gradient, g => Assert.Equal(0, g));
        Assert.Equal(new LossMetrics(), LossMetrics.Combine(result.Metrics));
    }

    private static IEnumerable<(IPolicyLoss Loss, PolicyLossOptions Options)> Cases()
    {
        ClipRange clip = new(.2, .28);
        yield return (new ClippedLoss(clip), new PolicyLossOptions());
        yield return (new ClippedLoss(clip), new PolicyLossOptions(LossAggregation.Sequence, Kl: new KlPenalty(KlEstimator.K3, .3)));
        yield return (new ClippedLoss(clip), new PolicyLossOptions(LossAggregation.ConstantLength, 7, new KlPenalty(KlEstimator.Squared, .5)));
        yield return (new GspoLoss(clip), new PolicyLossOptions(LossAggregation.Sequence, Kl: new KlPenalty(KlEstimator.K3Unclamped, .2)));
        yield return (new GspoLoss(clip), new PolicyLossOptions());
    }

    private static double Slope(IPolicyLoss loss, PolicyBatch batch, PolicyLossOptions options, int at)
    {
        const double step = 1e-6;
        double Shifted(double by)
        {
            double[] logProbs = [.. batch.LogProbs];
            logProbs[at] += by;
            return PolicyObjective.Compute(loss, batch with { LogProbs = logProbs }, options).Loss;
        }

        return (Shifted(step) - Shifted(-step)) / (2 * step);
    }

    private static PolicyBatch Random(int rows, ulong seed)
    {
        const int length = 5;
        SeededRandom random = Seed.Random(seed);
        double[] Draw(double low, double high) => [.. Enumerable.Range(0, rows * length).Select(_ => random.NextDouble(low, high))];
        int[] lengths = [.. Enumerable.Range(0, rows).Select(_ => random.NextInt(0, length + 1))];
        double[] old = Draw(-4, -.1);
        return new PolicyBatch([.. lengths.Select((_, i) => $"{i}")], length, [.. old.Zip(Draw(-1.5, 1.5), (o, d) => o + d)], old, Draw(-2, 2),
            [.. Enumerable.Range(0, rows * length).Select(i => i % length < lengths[i / length])])
        {
            ReferenceLogProbs = Draw(-4, -.1),
        };
    }
}
