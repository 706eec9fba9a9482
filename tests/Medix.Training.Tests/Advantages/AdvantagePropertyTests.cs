using CsCheck;
using Medix.Training.Advantages;

namespace Medix.Training.Tests.Advantages;

public class AdvantagePropertyTests
{
    private static readonly double[] Typical = [.1, .145, .955, 1];

    /// <summary>Composite rewards: few distinct values, so that ties and groups without spread occur.</summary>
    private static readonly Gen<double[]> Scores = Gen.OneOf(Gen.Double[0, 1].Select(x => Math.Round(x, 3)), Gen.Int[0, 3].Select(i => Typical[i])).Array[2, 9];

    private static readonly IAdvantageEstimator[] GroupEstimators =
    [
        new GroupRelativeAdvantage(), new GroupRelativeAdvantage(DeviationScale.None), new GroupRelativeAdvantage(DeviationScale.Batch),
        new LeaveOneOutAdvantage(), new PassAtKAdvantage(),
    ];

    [Fact]
    public void Group_relative_advantages_sum_to_zero_in_every_group() =>
        Gen.Select(Scores, Scores).Sample((a, b) =>
        {
            foreach (IAdvantageEstimator estimator in GroupEstimators.Where(e => e is not PassAtKAdvantage))
            {
                double[] advantages = Advantages(estimator, [.. Group("a", a), .. Group("b", b)]);
                Assert.Equal(0, advantages[..a.Length].Sum(), 1e-8);
                Assert.Equal(0, advantages[a.Length..].Sum(), 1e-8);
            }
        });

    [Fact]
    public void A_constant_added_to_all_scores_changes_nothing() =>
        Gen.Select(Scores, Gen.Double[-3, 3]).Sample((scores, constant) =>
        {
            foreach (IAdvantageEstimator estimator in GroupEstimators)
            {
                Same(Advantages(estimator, Group("g", scores)), Advantages(estimator, Group("g", [.. scores.Select(s => s + constant)])));
            }
        });

    [Fact]
    public void The_order_of_rollouts_changes_nothing() =>
        Gen.Select(Scores, Scores, Gen.Int).Sample((a, b, seed) =>
        {
            RolloutScore[] rollouts = [.. Group("a", a), .. Group("b", b)];
            int[] order = [.. Enumerable.Range(0, rollouts.Length)];
            Medix.Runs.Seed.Random((ulong)(uint)seed).Shuffle<int>(order);
            foreach (IAdvantageEstimator estimator in GroupEstimators)
            {
                double[] straight = Advantages(estimator, rollouts);
                double[] shuffled = Advantages(estimator, [.. order.Select(i => rollouts[i])]);
                Same([.. order.Select(i => straight[i])], shuffled);
            }
        });

    [Fact]
    public void Equal_rewards_give_exactly_zero_however_they_were_summed() =>
        Gen.Select(Gen.Double[0, 1].Array[3], Gen.Int[2, 9]).Sample((terms, count) =>
        {
            // The same reward terms added in another order differ in the last digit.
            double[] scores = [.. Enumerable.Range(0, count).Select(i => i % 2 == 0 ? terms[0] + terms[1] + terms[2] : terms[2] + terms[1] + terms[0])];
            foreach (IAdvantageEstimator estimator in GroupEstimators)
            {
                Assert.All(Advantages(estimator, Group("g", scores)), a => Assert.Equal(0.0, a));
            }

            AdvantageResult whitened = new ReinforcePlusPlusAdvantage().Estimate(Group("g", scores));
            Assert.All(whitened.Advantages, a => Assert.All(a, x => Assert.Equal(0.0, x)));
        });

    [Fact]
    public void Better_responses_never_get_less() => Scores.Sample(scores =>
    {
        foreach (IAdvantageEstimator estimator in GroupEstimators)
        {
            double[] advantages = Advantages(estimator, Group("g", scores));
            foreach ((int i, int j) in Enumerable.Range(0, scores.Length).SelectMany(i => Enumerable.Range(0, scores.Length).Select(j => (i, j))))
            {
                Assert.True(scores[i] < scores[j] || advantages[i] >= advantages[j] || scores[i].Equals(scores[j]));
            }
        }
    });

    private static RolloutScore[] Group(string name, double[] scores) => [.. scores.Select((s, i) => new RolloutScore($"{name}{i}", name, s, 1 + (i % 3)))];

    private static double[] Advantages(IAdvantageEstimator estimator, RolloutScore[] rollouts) =>
        [.. estimator.Estimate(rollouts).Advantages.Select(a => a[0])];

    private static void Same(double[] expected, double[] actual)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], actual[i], 1e-6 * Math.Max(1, Math.Abs(expected[i])));
        }
    }
}
