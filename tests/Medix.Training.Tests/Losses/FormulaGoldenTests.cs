using System.Text.Json;
using Medix.Training.Advantages;
using Medix.Training.Losses;

namespace Medix.Training.Tests.Losses;

/// <summary>Averaging, KL estimators and log-probabilities against the original.</summary>
[Trait("Category", "Parity")]
public class FormulaGoldenTests
{
    [Fact]
    public void Every_aggregation_agrees() => RlGolden.Run("aggregation", (golden, c) =>
    {
        JsonElement inputs = golden.Case("inputs/" + RlGolden.Text(c, "inputs"));
        int[] shape = golden.Shape(inputs.GetProperty("tensors").GetProperty("mask").GetString()!);
        double[] values = golden.Input(inputs, "values");
        bool[] mask = golden.Mask(inputs);
        PolicyBatch batch = new([.. Enumerable.Range(0, shape[0]).Select(i => $"row {i}")], shape[1], values, values, values, mask);
        switch (RlGolden.Text(c, "kind"))
        {
            case "aggregate":
                LossAggregation mode = RlGolden.Text(c, "mode") == "token" ? LossAggregation.Token : LossAggregation.Sequence;
                PolicyLossResult result = Average(batch, new PolicyLossOptions(mode) { CountEpsilon = 1e-8 }, countEmptyRows: true);
                RlGolden.Close(golden.Expected(c)!.Number("value"), result.Loss, "value");
                RlGolden.Close(golden.Expected(c)!.Tensor("grad"), result.Gradient, "gradient");
                break;
            case "aggregate_formulas":
                CheckFormulas(c, batch);
                break;
            case "statistics":
                CheckStatistics(golden, c, batch);
                break;
            default:
                Assert.Fail("unknown kind");
                break;
        }
    });

    [Fact]
    public void Every_kl_estimate_agrees() => RlGolden.Run("kl", (golden, c) =>
    {
        Assert.Equal("kl", RlGolden.Text(c, "kind"));
        JsonElement inputs = golden.Case("inputs/" + RlGolden.Text(c, "inputs"));
        double[] logProbs = golden.Input(inputs, "log_probs");
        double[] reference = golden.Input(inputs, "ref_log_probs");
        KlEstimator estimator = RlGolden.Text(c, "penalty") switch
        {
            "kl" => KlEstimator.Difference,
            "abs" => KlEstimator.Absolute,
            "mse" => KlEstimator.Squared,
            "low_var_kl" => KlEstimator.K3,
            "k3_unclamped" => KlEstimator.K3Unclamped,
            string other => throw new InvalidDataException($"unknown penalty {other}"),
            null => throw new InvalidDataException("no penalty"),
        };
        KlTerm[] terms = [.. logProbs.Zip(reference, (lp, r) => KlTerm.Of(estimator, lp, r))];
        RlGolden.Close(golden.Expected(c)!.Tensor("value"), [.. terms.Select(t => t.Value)], "value");
        RlGolden.Close(golden.Expected(c)!.Tensor("grad"), [.. terms.Select(t => t.Derivative)], "derivative");
    });

    [Fact]
    public void Every_log_probability_and_entropy_agrees() => RlGolden.Run("logprobs", (golden, c) =>
    {
        JsonElement inputs = golden.Case("inputs");
        double[] logits = golden.Input(inputs, "logits");
        double[] ids = golden.Input(inputs, "ids");
        int vocabulary = logits.Length / ids.Length;
        switch (RlGolden.Text(c, "kind"))
        {
            case "logprobs":
                CheckLogProbs(golden, c, inputs, vocabulary);
                break;
            case "trl_entropy":
                double[] expected = golden.Tensor(c.GetProperty("original").GetProperty("entropy").GetString()!);
                double[] entropy = [.. ids.Select((_, i) => new TokenDistribution(logits.AsSpan(i * vocabulary, vocabulary)).Entropy())];
                // TRL computes in float32, and gives NaN where a logit is -infinity.
                Assert.All(entropy, e => Assert.True(double.IsFinite(e)));
                RlGolden.Close(expected, [.. expected.Zip(entropy, (t, e) => double.IsNaN(t) ? t : e)], "entropy", relative: 1e-5, absolute: 1e-5);
                break;
            default:
                Assert.Fail("unknown kind");
                break;
        }
    });

    private static void CheckLogProbs(RlGolden golden, JsonElement c, JsonElement inputs, int vocabulary)
    {
        double[] logits = golden.Input(inputs, "logits");
        double[] ids = golden.Input(inputs, "ids");
        double[] weight = golden.Input(inputs, "weight");
        double temperature = RlGolden.Number(c.GetProperty("temperature"));
        double[] logProbs = new double[ids.Length];
        double[] entropy = new double[ids.Length];
        double[] logProbGradient = new double[logits.Length];
        double[] entropyGradient = new double[logits.Length];
        for (int i = 0; i < ids.Length; i++)
        {
            TokenDistribution distribution = new(logits.AsSpan(i * vocabulary, vocabulary), temperature);
            logProbs[i] = distribution.LogProbability((int)ids[i]);
            entropy[i] = distribution.Entropy();
            distribution.AddLogProbabilityGradient((int)ids[i], weight[i], logProbGradient.AsSpan(i * vocabulary, vocabulary));
            distribution.AddEntropyGradient(weight[i], entropyGradient.AsSpan(i * vocabulary, vocabulary));
        }

        Expectation expected = golden.Expected(c)!;
        // A logit near 1e4 leaves 1e-12 of its 16 digits after the subtraction.
        RlGolden.Close(expected.Tensor("log_probs"), logProbs, "log-probabilities", absolute: 2e-11);
        RlGolden.Close(expected.Tensor("entropy"), entropy, "entropy", absolute: 2e-11);
        RlGolden.Close(expected.Tensor("grad_log_probs"), logProbGradient, "gradient of log-probabilities", absolute: 2e-11);
        RlGolden.Close(expected.Tensor("grad_entropy"), entropyGradient, "gradient of entropy", absolute: 2e-11);
        CheckSequences(golden, inputs, expected, logProbs);
    }

    private static void CheckSequences(RlGolden golden, JsonElement inputs, Expectation expected, double[] logProbs)
    {
        bool[] mask = golden.Mask(inputs);
        double[] sums = expected.Tensor("sequence_sum");
        double[] means = expected.Tensor("sequence_mean");
        int length = mask.Length / sums.Length;
        for (int row = 0; row < sums.Length; row++)
        {
            double[] own = [.. Enumerable.Range(row * length, length).Where(i => mask[i]).Select(i => logProbs[i])];
            double[] zeros = new double[own.Length];
            RlGolden.Close(sums[row], own.Sum(), "sum", absolute: 1e-10);
            RlGolden.Close(means[row], new ResponseTokens(own, zeros, zeros).MeanLogRatio(0), "mean", absolute: 1e-10);
        }
    }

    private static void CheckFormulas(JsonElement c, PolicyBatch batch)
    {
        int length = c.GetProperty("max_length").GetInt32();
        foreach (JsonProperty formula in c.GetProperty("correct").EnumerateObject())
        {
            PolicyLossResult result = formula.Name switch
            {
                "token" => Average(batch, new PolicyLossOptions(), countEmptyRows: true),
                "seq" => Average(batch, new PolicyLossOptions(LossAggregation.Sequence), countEmptyRows: true),
                "seq_nonempty" => Average(batch, new PolicyLossOptions(LossAggregation.Sequence), countEmptyRows: false),
                "seq_sum" => Average(batch, new PolicyLossOptions(LossAggregation.ConstantLength, 1), countEmptyRows: true),
                "constant_length" => Average(batch, new PolicyLossOptions(LossAggregation.ConstantLength, length), countEmptyRows: true),
                _ => throw new InvalidDataException($"unknown formula {formula.Name}"),
            };
            RlGolden.Close(RlGolden.Number(formula.Value), result.Loss, formula.Name);
        }
    }

    /// <summary>Whitening is REINFORCE++ of undiscounted single rewards; the original's mean is short by 1e-8 / N.</summary>
    private static void CheckStatistics(RlGolden golden, JsonElement c, PolicyBatch batch)
    {
        Expectation expected = golden.Expected(c)!;
        double[] Own(int row) => [.. Enumerable.Range(row * batch.Length, batch.Length).Where(i => batch.Mask[i]).Select(i => batch.LogProbs[i])];
        RolloutScore[] rollouts = [.. Enumerable.Range(0, batch.Rows).Select(
            row => new RolloutScore($"{row}", "g", Own(row).Sum(), batch.TokensOf(row)) { TokenRewards = Own(row) })];
        double[][] whitened = new ReinforcePlusPlusAdvantage(discount: 0).Estimate(rollouts).Advantages;
        double[] all = expected.Tensor("whitened");
        double[] expectedOnTokens = [.. Enumerable.Range(0, all.Length).Where(i => batch.Mask[i]).Select(i => all[i])];
        RlGolden.Close(expectedOnTokens, [.. whitened.SelectMany(w => w)], "whitened", relative: 1e-7, absolute: 1e-8);
        RlGolden.Close(expected.Number("mean"), Average(batch, new PolicyLossOptions { CountEpsilon = 1e-8 }, countEmptyRows: true).Loss, "mean");
    }

    private static PolicyLossResult Average(PolicyBatch batch, PolicyLossOptions options, bool countEmptyRows) => PolicyObjective.Compute(
        new ValueItself(), batch, options, countEmptyRows ? PolicyLossGoldenTests.CountingEmptyRows(batch) : null);

    /// <summary>A loss that is the log-probability, so that the objective is nothing but its average.</summary>
    private sealed class ValueItself : IPolicyLoss
    {
        public string Name => "value";

        public void Evaluate(in ResponseTokens tokens, Span<TokenLoss> results)
        {
            for (int t = 0; t < tokens.Count; t++)
            {
                results[t] = new TokenLoss(tokens.LogProbs[t], 1, 1, TokenClips.None);
            }
        }
    }
}
