using System.Globalization;
using System.Text.Json;
using Medix.Runs;
using Medix.Training.Advantages;
using Medix.Training.Tests.Losses;

namespace Medix.Training.Tests.Advantages;

[Trait("Category", "Parity")]
public class AdvantageGoldenTests
{
    [Fact]
    public void Every_row_agrees() => RlGolden.Run("advantages", (golden, c) =>
    {
        switch (RlGolden.Text(c, "kind"))
        {
            case "estimator":
                CheckEstimator(golden, c);
                break;
            case "identical_rewards":
                CheckIdentical(c);
                break;
            case "nonfinite":
                CheckNonFinite(golden, c);
                break;
            default:
                Assert.Fail("unknown kind");
                break;
        }
    });

    private static void CheckEstimator(RlGolden golden, JsonElement c)
    {
        Padded batch = Padded.Read(golden, golden.Case("batch/" + RlGolden.Text(c, "batch")));
        AdvantageResult result = Create(c).Estimate(batch.Rollouts);
        if (golden.Expected(c) is not { } expected)
        {
            // The original refuses groups of one; here they are reported and have nothing to teach.
            Assert.All(result.Groups, g => Assert.False(g.HasSignal));
            Assert.All(result.Advantages, a => Assert.All(a, x => Assert.Equal(0.0, x)));
            return;
        }

        batch.Compare(expected.Tensor("advantages"), result.Advantages, expected.IsCorrect, "advantages", result.Groups);
        batch.Compare(expected.Tensor("returns"), result.Returns, expected.IsCorrect, "returns", result.Groups);
    }

    private static void CheckIdentical(JsonElement c)
    {
        int size = c.GetProperty("group_size").GetInt32();
        foreach (JsonElement row in c.GetProperty("rows").EnumerateArray())
        {
            double reward = (float)RlGolden.Number(row.GetProperty("reward"));
            AdvantageResult result = Create(c).Estimate([.. Enumerable.Range(0, size).Select(i => new RolloutScore($"{i}", "g", reward, 2))]);
            Assert.All(result.Advantages, a => Assert.All(a, x => Assert.Equal(RlGolden.Number(row.GetProperty("correct")), x)));
        }
    }

    /// <summary>A non-finite reward is refused by name; without that rollout, the other groups are what the original makes of them.</summary>
    private static void CheckNonFinite(RlGolden golden, JsonElement c)
    {
        Padded batch = Padded.Read(golden, golden.Case("batch/" + RlGolden.Text(c, "batch")));
        int row = c.GetProperty("row").GetInt32();
        RolloutScore bad = batch.Rollouts[row] with { Score = RlGolden.Number(c.GetProperty("value")) };
        IAdvantageEstimator estimator = Create(c);
        List<RolloutScore> rollouts = [.. batch.Rollouts];
        rollouts[row] = bad;
        MedixException error = Assert.Throws<MedixException>(() => estimator.Estimate(rollouts));
        Assert.Contains($"'{bad.Id}'", error.Message, StringComparison.Ordinal);
        rollouts.RemoveAt(row);
        AdvantageResult result = estimator.Estimate(rollouts);
        double[] original = golden.Expected(c)!.Tensor("advantages");
        for (int i = 0; i < rollouts.Count; i++)
        {
            // Batch whitening spreads the bad number everywhere, and the original's pass@k is wrong for all but the best.
            if (estimator.Name is "grpo" or "rloo" && rollouts[i].Group != bad.Group && rollouts[i].Tokens > 0)
            {
                int at = int.Parse(rollouts[i].Id, CultureInfo.InvariantCulture);
                RlGolden.Close(original[at * batch.Length], result.Advantages[i][0], $"row {at}", absolute: 1e-9);
            }
        }
    }

    private static IAdvantageEstimator Create(JsonElement c)
    {
        JsonElement parameters = c.TryGetProperty("params", out JsonElement p) ? p : default;
        double Parameter(string name) => RlGolden.Number(parameters.GetProperty(name));
        return RlGolden.Text(c, "estimator") switch
        {
            "grpo" => new GroupRelativeAdvantage(),
            "dr_grpo" => new GroupRelativeAdvantage(DeviationScale.None),
            "trl_group" => new GroupRelativeAdvantage(DeviationScale.Group, 1e-4),
            "trl_batch" => new GroupRelativeAdvantage(DeviationScale.Batch, 1e-4),
            "grpo_passk" => new PassAtKAdvantage(),
            "rloo" => new LeaveOneOutAdvantage(),
            "remax" => new GreedyBaselineAdvantage(),
            "reinforce_plus_plus" => new ReinforcePlusPlusAdvantage(Parameter("gamma")),
            "gae" => new GeneralizedAdvantage(Parameter("gamma"), Parameter("lam")),
            string other => throw new InvalidDataException($"unknown estimator {other}"),
            null => throw new InvalidDataException("no estimator"),
        };
    }

    /// <summary>A padded batch of the files as rollouts; the id of a rollout is its row.</summary>
    private sealed record Padded(IReadOnlyList<RolloutScore> Rollouts, bool[] Mask, int Length)
    {
        public static Padded Read(RlGolden golden, JsonElement c)
        {
            double[] rewards = golden.Input(c, "rewards");
            double[] values = golden.Input(c, "values");
            double[] baseline = golden.Input(c, "baseline");
            bool[] mask = golden.Mask(c);
            string[] groups = [.. c.GetProperty("uid").EnumerateArray().Select(u => u.GetString()!)];
            int length = mask.Length / groups.Length;
            RolloutScore Row(int i)
            {
                int[] own = [.. Enumerable.Range(i * length, length).Where(at => mask[at])];
                double score = Enumerable.Range(i * length, length).Sum(at => rewards[at]);
                return new RolloutScore(i.ToString(CultureInfo.InvariantCulture), groups[i], score, own.Length)
                {
                    TokenRewards = [.. own.Select(at => rewards[at])],
                    Values = [.. own.Select(at => values[at])],
                    Baseline = baseline[i],
                };
            }

            return new Padded([.. Enumerable.Range(0, groups.Length).Select(Row)], mask, length);
        }

        /// <summary>On the responses' own tokens; padding must be 0 where the expectation is corrected.</summary>
        public void Compare(double[] expected, double[][] actual, bool paddingIsZero, string what, IReadOnlyList<GroupSignal> groups)
        {
            HashSet<int> silent = [.. groups.Where(g => !g.HasSignal).SelectMany(g => g.Members)];
            for (int row = 0; row < Rollouts.Count; row++)
            {
                int token = 0;
                for (int at = row * Length; at < (row + 1) * Length; at++)
                {
                    double value = Mask[at] ? actual[row][token++] : 0;
                    if (Mask[at] || paddingIsZero)
                    {
                        // Without spread the original divides a residue below 1e-15 by 1e-6; here it is exactly 0.
                        RlGolden.Close(expected[at], value, $"{what}[{row},{at % Length}]", absolute: silent.Contains(row) ? 1e-9 : 1e-12);
                    }
                }
            }
        }
    }
}
