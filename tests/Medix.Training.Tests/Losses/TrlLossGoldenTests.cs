using System.Text.Json;
using Medix.Training.Losses;

namespace Medix.Training.Tests.Losses;

/// <summary>TRL's loss method, where it computes the same formula.</summary>
[Trait("Category", "Parity")]
public class TrlLossGoldenTests
{
    [Fact]
    public void Every_row_agrees() => RlGolden.Run("trl_loss", (golden, c) =>
    {
        Assert.Equal("trl", RlGolden.Text(c, "kind"));
        JsonElement inputs = golden.Case("inputs/" + RlGolden.Text(c, "inputs"));
        PolicyBatch batch = Read(golden, inputs);
        Expectation expected = golden.Expected(c)!;
        PolicyLossResult result = PolicyObjective.Compute(Loss(c), batch, Options(c, inputs), Scale(c, inputs, batch));
        RlGolden.Close(expected.Number("loss"), result.Loss, "loss");
        RlGolden.Close(expected.Tensor("grad"), result.Gradient, "gradient");
        Dictionary<string, double> metrics = Metrics(c, batch, result.Metrics);
        foreach ((string name, double value) in expected.Metrics())
        {
            RlGolden.Close(value, metrics[name], name);
        }
    });

    private static Dictionary<string, double> Metrics(JsonElement c, PolicyBatch batch, LossMetrics own)
    {
        Dictionary<string, double> named = new(own.Named());
        named["cispo_clip_ratio"] = own.ClipHigh;
        PolicyLossOptions options = new(LossAggregation.Sequence);
        LossMetrics[] rows = [.. Enumerable.Range(0, batch.Rows).Select(
            row => PolicyObjective.Compute(Loss(c), PolicyLossGoldenTests.RowOf(batch, row), options).Metrics)];
        // TRL's extremes count responses without a token as unclipped.
        named["clip_ratio/low_min"] = rows.Min(r => r.ClipLow);
        if (IsSequence(c))
        {
            named["clip_ratio/low_mean"] = rows.Average(r => r.ClipLow);
            named["clip_ratio/high_mean"] = rows.Average(r => r.ClipHigh);
            named["clip_ratio/region_mean"] = named["clip_ratio/low_mean"] + named["clip_ratio/high_mean"];
        }

        return named;
    }

    private static bool IsSequence(JsonElement c) => RlGolden.Text(c, "importance_sampling_level") switch
    {
        "sequence" => true,
        "token" => false,
        string other => throw new InvalidDataException($"unknown level {other}"),
        null => throw new InvalidDataException("no level"),
    };

    private static IPolicyLoss Loss(JsonElement c)
    {
        double low = RlGolden.Number(c.GetProperty("epsilon_low"));
        double high = RlGolden.Number(c.GetProperty("epsilon_high"));
        double delta = RlGolden.OptionalNumber(c, "delta") ?? double.PositiveInfinity;
        // TRL's two-sided clip is the dual clip as long as it lies above the range.
        Assert.True(delta >= 1 + high);
        ClipRange clip = new(low, high, delta, double.PositiveInfinity);
        if (RlGolden.Text(c, "loss_type") == "cispo")
        {
            Assert.False(IsSequence(c));
            // TRL clamps the weight from above only, at epsilon_high itself.
            return new CispoLoss(clip with { Low = 1, High = high - 1 });
        }

        return IsSequence(c) ? new GspoLoss(clip) : new ClippedLoss(clip);
    }

    private static PolicyLossOptions Options(JsonElement c, JsonElement inputs)
    {
        LossAggregation aggregation = RlGolden.Text(c, "loss_type") switch
        {
            "grpo" => LossAggregation.Sequence,
            "dr_grpo" => LossAggregation.ConstantLength,
            "bnpo" or "dapo" or "cispo" => LossAggregation.Token,
            string other => throw new InvalidDataException($"unknown loss type {other}"),
            null => throw new InvalidDataException("no loss type"),
        };
        double beta = RlGolden.Number(c.GetProperty("beta"));
        KlPenalty? kl = beta == 0 ? null : new KlPenalty(KlEstimator.K3Unclamped, beta);
        return new PolicyLossOptions(aggregation, inputs.GetProperty("max_completion_length").GetInt32(), kl);
    }

    /// <summary>dapo and cispo divide by the tokens of the whole generation batch.</summary>
    private static LossScale Scale(JsonElement c, JsonElement inputs, PolicyBatch batch) => RlGolden.Text(c, "loss_type") is "dapo" or "cispo"
        ? new LossScale(inputs.GetProperty("num_items_in_batch").GetInt32(), batch.Rows)
        : PolicyLossGoldenTests.CountingEmptyRows(batch);

    private static PolicyBatch Read(RlGolden golden, JsonElement inputs)
    {
        int[] shape = golden.Shape(inputs.GetProperty("tensors").GetProperty("mask").GetString()!);
        double[] perRow = golden.Input(inputs, "advantages");
        double[] advantages = [.. Enumerable.Range(0, shape[0] * shape[1]).Select(i => perRow[i / shape[1]])];
        return new PolicyBatch([.. Enumerable.Range(0, shape[0]).Select(i => $"row {i}")], shape[1],
            golden.Input(inputs, "log_probs"), golden.Input(inputs, "old_log_probs"), advantages, golden.Mask(inputs))
        {
            ReferenceLogProbs = golden.Input(inputs, "ref_log_probs"),
            Entropies = golden.Input(inputs, "entropies"),
        };
    }
}
