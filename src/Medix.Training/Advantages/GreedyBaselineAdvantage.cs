using Medix.Runs;

namespace Medix.Training.Advantages;

/// <summary>
/// ReMax (Li et al. 2023, arXiv 2310.10505): each score less the score of the prompt's greedy response (<see cref="RolloutScore.Baseline"/>).
/// </summary>
public sealed class GreedyBaselineAdvantage : IAdvantageEstimator
{
    /// <inheritdoc/>
    public string Name => "remax";

    /// <inheritdoc/>
    public AdvantageResult Estimate(IReadOnlyList<RolloutScore> rollouts)
    {
        ArgumentNullException.ThrowIfNull(rollouts);
        RolloutScore.Check(rollouts);
        double[] advantages = [.. rollouts.Select(r => r.Score - BaselineOf(r))];
        double[][] returns = [.. rollouts.Select(r => Discounting.Returns(r, discount: 1))];
        return AdvantageResult.PerRollout(rollouts, advantages, GroupSignal.Of(rollouts)) with { Returns = returns };
    }

    private static double BaselineOf(RolloutScore rollout) => rollout.Baseline is { } baseline && double.IsFinite(baseline)
        ? baseline
        : throw new MedixException($"The remax estimator needs the score of the greedy response of group '{rollout.Group}', and rollout '{rollout.Id}' " +
            "comes without a finite one. Score a greedy draw of every prompt, or choose an estimator with a group baseline (grpo, rloo).");
}
