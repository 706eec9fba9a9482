using Medix.Evaluation.Reports;
using Medix.Inference.Generation;
using Medix.Rewards;
using Medix.Training.Filtering;
using Medix.Training.Learning;
using Medix.Training.Rollouts;

namespace Medix.Training;

/// <summary>Makes a step's event from what happened in it.</summary>
internal static class StepReport
{
    public static StepEvent Of(
        int step, IReadOnlyList<ScoredGroup> drawn, GroupCollector<ScoredGroup> collector, UpdateReport update, double rate, PhaseClock clock)
    {
        ScoredRollout[] rollouts = [.. drawn.SelectMany(g => g.Rollouts)];
        RewardReport[] reports = [.. rollouts.Select(r => r.Reward)];
        double[] totals = [.. reports.Where(r => r.Total is not null).Select(r => r.Total!.Value)];
        double mean = totals.Length > 0 ? totals.Average() : double.NaN;
        long tokens = rollouts.Sum(r => (long)r.Rollout.Tokens.Length);
        double rolloutSeconds = clock.Seconds.GetValueOrDefault("rollout");
        return new StepEvent(
            Step: step,
            Reward: mean,
            RewardStd: totals.Length > 1 ? Math.Sqrt(totals.Sum(t => (t - mean) * (t - mean)) / (totals.Length - 1)) : 0,
            Terms: RolloutScoring.MeanTerms(reports),
            Prompts: drawn.Count,
            Rollouts: rollouts.Length,
            Unscored: RolloutScoring.UnscoredReasons(reports),
            GroupsKept: collector.Batch.Count,
            GroupsFiltered: collector.Counts.Where(c => c.Key != GroupVerdict.Kept && c.Value > 0).ToDictionary(c => Name(c.Key), c => c.Value),
            MeanLength: rollouts.Length > 0 ? (double)tokens / rollouts.Length : 0,
            ClippedRatio: rollouts.Length > 0 ? rollouts.Count(r => r.Rollout.FinishReason == FinishReason.Length) / (double)rollouts.Length : 0,
            Loss: update.Loss,
            Entropy: update.Metrics.Entropy ?? double.NaN,
            ApproxKl: update.Metrics.ApproximateKl,
            ClipRatioLow: update.Metrics.ClipLow,
            ClipRatioHigh: update.Metrics.ClipHigh,
            GradNorm: update.GradNorm,
            LearningRate: rate,
            LogprobDifferenceMean: update.LogprobDifferenceMean,
            LogprobDifferenceMax: update.LogprobDifferenceMax,
            Tokens: tokens,
            TokensPerSecond: rolloutSeconds > 0 ? tokens / rolloutSeconds : 0,
            Seconds: clock.Elapsed,
            PhaseSeconds: clock.Seconds);
    }

    private static string Name(GroupVerdict verdict) => verdict switch
    {
        GroupVerdict.TooFewScored => "too few scored",
        GroupVerdict.NoSpread => "no spread",
        GroupVerdict.BelowRange => "below range",
        GroupVerdict.AboveRange => "above range",
        _ => "kept",
    };
}
