using Medix.Runs;
using Medix.Training.Advantages;

namespace Medix.Training.Tests.Advantages;

/// <summary>Small examples worked out by hand in double precision.</summary>
public class AdvantageVectorTests
{
    [Fact]
    public void Grpo_of_four() => Expect(new GroupRelativeAdvantage(), [1, .1, .145, .955], [.910344, -.910344, -.819309, .819309]);

    [Fact]
    public void Grpo_of_one_hot_of_five() =>
        Expect(new GroupRelativeAdvantage(), [1, 0, 0, 0, 0], [1.7888504, -.4472126, -.4472126, -.4472126, -.4472126]);

    [Fact]
    public void Grpo_makes_full_size_advantages_of_a_small_gap() =>
        Expect(new GroupRelativeAdvantage(), [.1, .1, .1, .1, .145], [-.4471914, -.4471914, -.4471914, -.4471914, 1.7887655]);

    [Fact]
    public void Rloo_of_four() => Expect(new LeaveOneOutAdvantage(), [1, .1, .145, .955], [.6, -.6, -.54, .54]);

    [Fact]
    public void Pass_at_k_rewards_the_lead_of_the_best_alone() => Expect(new PassAtKAdvantage(), [1, .1, .145, .955], [.0910344, 0, 0, 0]);

    [Fact]
    public void Dr_grpo_does_not_divide() => Expect(new GroupRelativeAdvantage(DeviationScale.None), [1, .1, .145, .955], [.45, -.45, -.405, .405]);

    [Fact]
    public void Remax_subtracts_the_greedy_score()
    {
        RolloutScore rollout = new("a", "g", .8, 2) { Baseline = .5 };
        AdvantageResult result = new GreedyBaselineAdvantage().Estimate([rollout]);
        Close([.3, .3], result.Advantages[0]);
        Close([.8, .8], result.Returns[0]);
        Refused<MedixException>("'b'", () => new GreedyBaselineAdvantage().Estimate([new("b", "g", 1, 1)]));
    }

    [Theory]
    [InlineData(1.0, new[] { 1.0, 1, 1, .1, .1 }, new[] { .730297, .730297, .730297, -1.095445, -1.095445 })]
    [InlineData(.9, new[] { .81, .9, 1, .09, .1 }, new[] { .513590, .714560, .937860, -1.094170, -1.071840 })]
    public void Reinforce_plus_plus(double discount, double[] returns, double[] advantages)
    {
        RolloutScore[] rollouts = [new("a", "g", 1, 3), new("b", "g", .1, 2)];
        AdvantageResult result = new ReinforcePlusPlusAdvantage(discount).Estimate(rollouts);
        Close(returns, [.. result.Returns.SelectMany(r => r)]);
        Close(advantages, [.. result.Advantages.SelectMany(a => a)]);
    }

    [Theory]
    [InlineData(1.0, 1.0, new[] { 1.0, 1, 1 }, new[] { -.9999995, 0, .9999995 })]
    [InlineData(.99, .95, new[] { .918307, .95535, 1 }, new[] { -.990878, -.018000, 1.008878 })]
    public void Gae(double discount, double lambda, double[] returns, double[] advantages)
    {
        RolloutScore rollout = new("a", "g", 1, 3) { Values = [.5, .4, .3] };
        AdvantageResult result = new GeneralizedAdvantage(discount, lambda).Estimate([rollout]);
        Close(returns, result.Returns[0]);
        Close(advantages, result.Advantages[0]);
        Refused<MedixException>("'b'", () => new GeneralizedAdvantage().Estimate([new("b", "g", 1, 1)]));
    }

    [Fact]
    public void Groups_are_found_by_name_and_reported()
    {
        AdvantageResult result = new GroupRelativeAdvantage().Estimate([new("a", "x", 1, 1), new("b", "y", .5, 1), new("c", "x", 0, 2), new("d", "y", .5, 3)]);
        Assert.Equal(["x", "y"], result.Groups.Select(g => g.Group));
        Assert.Equal([0, 2], result.Groups[0].Members);
        Assert.Equal([true, false], result.Groups.Select(g => g.HasSignal));
        Assert.Equal([1, 1, 2, 3], result.Advantages.Select(a => a.Length));
        Assert.Equal(0.0, result.Of(1));
        Assert.True(result.Of(0) > 0 && result.Of(2) < 0);
    }

    [Fact]
    public void Token_rewards_and_values_must_be_finite_and_as_long_as_the_response()
    {
        RolloutScore rollout = new("r7", "g", 1, 2);
        ReinforcePlusPlusAdvantage estimator = new();
        Refused<MedixException>("'r7'", () => estimator.Estimate([rollout with { TokenRewards = [0, double.NaN] }]));
        Refused<ArgumentException>("'r7'", () => estimator.Estimate([rollout with { Values = [0] }]));
    }

    [Fact]
    public void Every_estimator_has_its_own_name_and_the_unknown_is_answered_with_the_known()
    {
        Assert.Equal(AdvantageEstimators.All.Count, AdvantageEstimators.All.Select(e => e.Name).Distinct().Count());
        Refused<MedixException>("rloo", () => AdvantageEstimators.Named("roo"));
    }

    private static void Refused<TException>(string part, Func<object> action)
        where TException : Exception => Assert.Contains(part, Assert.Throws<TException>(action).Message, StringComparison.Ordinal);

    private static void Expect(IAdvantageEstimator estimator, double[] scores, double[] advantages)
    {
        AdvantageResult result = estimator.Estimate([.. scores.Select((s, i) => new RolloutScore($"{i}", "g", s, 2))]);
        Close(advantages, [.. result.Advantages.Select(a => a[0])]);
        Assert.All(result.Advantages, a => Assert.Equal(a[0], a[1]));
    }

    private static void Close(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-6));
    }
}
