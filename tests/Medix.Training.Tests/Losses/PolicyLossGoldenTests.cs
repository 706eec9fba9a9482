using System.Text.Json;
using Medix.Runs;
using Medix.Training.Losses;

namespace Medix.Training.Tests.Losses;

[Trait("Category", "Parity")]
public class PolicyLossGoldenTests
{
    /// <summary>The original adds this to every count it divides by.</summary>
    private const double OriginalEpsilon = 1e-8;

    [Fact]
    public void Every_row_agrees() => RlGolden.Run("policy_loss", (golden, c) =>
    {
        PolicyBatch batch = Read(golden, golden.Case("inputs/" + RlGolden.Text(c, "inputs")));
        switch (RlGolden.Text(c, "kind"))
        {
            case "policy" when FirstBad(batch) is { } bad:
                CheckGuard(golden, c, batch, bad);
                break;
            case "policy" when RlGolden.Text(c, "loss_type") == "gspo":
                CheckByRow(golden, c, batch);
                break;
            case "policy":
                CheckWhole(golden, c, batch);
                break;
            case "gspo_paper":
                CheckPaper(golden, c, batch);
                break;
            default:
                Assert.Fail("unknown kind");
                break;
        }
    });

    private static void CheckWhole(RlGolden golden, JsonElement c, PolicyBatch batch)
    {
        Expectation expected = golden.Expected(c)!;
        PolicyLossResult result = PolicyObjective.Compute(Loss(golden, c, OriginalEpsilon), batch, Options(c, OriginalEpsilon), CountingEmptyRows(batch));
        RlGolden.Close(expected.Number("loss"), result.Loss, "loss");
        RlGolden.Close(expected.Tensor("grad"), result.Gradient, "gradient");
        CheckMetrics(expected.Metrics(), result.Metrics);
    }

    /// <summary>
    /// The original's gspo is right for one row only, so the expectation is its rows combined: by their tokens, or equally. The whole batch at once
    /// differs from that only by the 1e-8 in each row's count.
    /// </summary>
    private static void CheckByRow(RlGolden golden, JsonElement c, PolicyBatch batch)
    {
        Expectation expected = golden.Expected(c)!;
        PolicyLossOptions options = Options(c, OriginalEpsilon);
        IPolicyLoss loss = Loss(golden, c, OriginalEpsilon);
        long tokens = LossScale.Of(batch).Tokens;
        double total = 0;
        double[] gradient = new double[batch.Mask.Length];
        List<LossMetrics> metrics = [];
        for (int row = 0; row < batch.Rows; row++)
        {
            PolicyBatch one = RowOf(batch, row);
            PolicyLossResult result = PolicyObjective.Compute(loss, one, options, CountingEmptyRows(one));
            double weight = options.Aggregation == LossAggregation.Sequence ? 1.0 / batch.Rows : tokens == 0 ? 0 : (double)batch.TokensOf(row) / tokens;
            total += weight * result.Loss;
            Array.ConvertAll(result.Gradient, g => weight * g).CopyTo(gradient, row * batch.Length);
            metrics.Add(result.Metrics);
        }

        RlGolden.Close(expected.Number("loss"), total, "loss");
        RlGolden.Close(expected.Tensor("grad"), gradient, "gradient");
        // Clipped fractions and KL are means over tokens; the likelihood is averaged as the loss is and not comparable row by row.
        // N/(N + 1e-8) by row and by batch differ in the ninth digit.
        CheckMetrics(expected.Metrics("metrics_token_weighted").Where(m => m.Key != "entropy_loss"), LossMetrics.Combine([.. metrics]), 2e-8);
        PolicyLossResult whole = PolicyObjective.Compute(Loss(golden, c, 0), batch, options with { CountEpsilon = 0 }, CountingEmptyRows(batch));
        RlGolden.Close(total, whole.Loss, "whole batch", relative: 1e-6, absolute: 1e-7);
        RlGolden.Close(gradient, whole.Gradient, "whole batch gradient", relative: 1e-6, absolute: 1e-8);
    }

    private static void CheckPaper(RlGolden golden, JsonElement c, PolicyBatch batch)
    {
        Expectation expected = golden.Expected(c)!;
        // The paper has neither a dual clip nor a limit on the log-ratio.
        ClipRange clip = new(expectedNumber("low"), expectedNumber("high"), double.PositiveInfinity, double.PositiveInfinity);
        double expectedNumber(string name) => RlGolden.Number(c.GetProperty(name));
        PolicyLossOptions options = new(LossAggregation.Sequence);
        PolicyLossResult result = PolicyObjective.Compute(new GspoLoss(clip), batch, options, CountingEmptyRows(batch));
        RlGolden.Close(expected.Number("loss"), result.Loss, "loss");
        RlGolden.Close(expected.Tensor("grad"), result.Gradient, "gradient");
        double[] ratios = expected.Tensor("ratio");
        Assert.Equal(batch.Rows, ratios.Length);
        for (int row = 0; row < ratios.Length; row++)
        {
            LossMetrics one = PolicyObjective.Compute(new GspoLoss(clip), RowOf(batch, row), options).Metrics;
            RlGolden.Close(ratios[row], one.RatioMean, $"ratio[{row}]");
        }
    }

    /// <summary>The original goes on with NaN in its logs and a finite gradient; here the step is refused, and the message says where.</summary>
    private static void CheckGuard(RlGolden golden, JsonElement c, PolicyBatch batch, int bad)
    {
        MedixException error = Assert.Throws<MedixException>(() => PolicyObjective.Compute(Loss(golden, c, 0), batch, Options(c, 0)));
        Assert.Contains($"'{batch.Ids[bad / batch.Length]}'", error.Message, StringComparison.Ordinal);
        Assert.Contains($"token {bad % batch.Length},", error.Message, StringComparison.Ordinal);
    }

    private static void CheckMetrics(IEnumerable<KeyValuePair<string, double>> expected, LossMetrics actual, double relative = 1e-9)
    {
        foreach ((string name, double value) in expected)
        {
            double own = name switch
            {
                "ppo_kl" => actual.ApproximateKl,
                "entropy_loss" => actual.NegativeLogLikelihood,
                "pg_clipfrac_higher" => actual.ClipLow + actual.ClipHigh,
                "pg_clipfrac_lower" => actual.ClipDual,
                _ => throw new InvalidDataException($"unknown metric {name}"),
            };
            // The original averages the likelihood twice, each time with 1e-8 in the count.
            RlGolden.Close(value, own, name, relative: name == "entropy_loss" ? 2e-8 : relative);
        }
    }

    private static int? FirstBad(PolicyBatch batch)
    {
        foreach (double[] values in (double[][])[batch.LogProbs, batch.OldLogProbs, batch.Advantages])
        {
            int at = Enumerable.Range(0, values.Length).FirstOrDefault(i => batch.Mask[i] && !double.IsFinite(values[i]), -1);
            if (at >= 0)
            {
                return at;
            }
        }

        return null;
    }

    private static PolicyBatch Read(RlGolden golden, JsonElement inputs)
    {
        bool[] mask = golden.Mask(inputs);
        int[] shape = golden.Shape(inputs.GetProperty("tensors").GetProperty("mask").GetString()!);
        return new PolicyBatch([.. Enumerable.Range(0, shape[0]).Select(i => $"row {i}")], shape[1],
            golden.Input(inputs, "log_probs"), golden.Input(inputs, "old_log_probs"), golden.Input(inputs, "advantages"), mask);
    }

    internal static PolicyBatch RowOf(PolicyBatch batch, int row)
    {
        T[] Slice<T>(T[] values) => values.AsSpan(row * batch.Length, batch.Length).ToArray();
        return new PolicyBatch([batch.Ids[row]], batch.Length, Slice(batch.LogProbs), Slice(batch.OldLogProbs), Slice(batch.Advantages), Slice(batch.Mask))
        {
            ReferenceLogProbs = batch.ReferenceLogProbs is { } reference ? Slice(reference) : null,
            Entropies = batch.Entropies is { } entropies ? Slice(entropies) : null,
        };
    }

    /// <summary>The original counts responses without a token in its mean over responses.</summary>
    internal static LossScale CountingEmptyRows(PolicyBatch batch) => LossScale.Of(batch) with { Sequences = batch.Rows };

    private static PolicyLossOptions Options(JsonElement c, double epsilon) => new(RlGolden.Text(c, "aggregate") switch
    {
        "token" => LossAggregation.Token,
        "seq" => LossAggregation.Sequence,
        string other => throw new InvalidDataException($"unknown aggregation {other}"),
        null => throw new InvalidDataException("no aggregation"),
    })
    {
        CountEpsilon = epsilon,
    };

    private static IPolicyLoss Loss(RlGolden golden, JsonElement c, double epsilon)
    {
        JsonElement bounds = golden.Meta.GetProperty("clips").GetProperty(RlGolden.Text(c, "clip")!);
        ClipRange clip = new(
            RlGolden.Number(bounds.GetProperty("low")), RlGolden.Number(bounds.GetProperty("high")), RlGolden.Number(bounds.GetProperty("dual")));
        return RlGolden.Text(c, "loss_type") switch
        {
            "default" => new ClippedLoss(clip),
            "gspo_token" => new GspoTokenLoss(clip, epsilon),
            "gspo" => new GspoLoss(clip, epsilon),
            "cispo" => new CispoLoss(clip),
            string other => throw new InvalidDataException($"unknown loss {other}"),
            null => throw new InvalidDataException("no loss"),
        };
    }
}
