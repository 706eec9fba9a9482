namespace Medix.Training.Advantages;

/// <summary>
/// REINFORCE++ (Hu 2025, arXiv 2501.03262): discounted returns per token, whitened over all tokens of the batch; no group baseline.
/// </summary>
public sealed class ReinforcePlusPlusAdvantage(double discount = 1) : IAdvantageEstimator
{
    /// <inheritdoc/>
    public string Name => "reinforce_plus_plus";

    /// <inheritdoc/>
    public AdvantageResult Estimate(IReadOnlyList<RolloutScore> rollouts)
    {
        ArgumentNullException.ThrowIfNull(rollouts);
        RolloutScore.Check(rollouts);
        double[][] returns = [.. rollouts.Select(r => Discounting.Returns(r, discount))];
        return new AdvantageResult(Discounting.Whiten(returns), returns, GroupSignal.Of(rollouts));
    }
}
