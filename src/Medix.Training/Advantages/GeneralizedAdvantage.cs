namespace Medix.Training.Advantages;

/// <summary>
/// Generalised advantage estimation (Schulman et al. 2015, arXiv 1506.02438): δ_t = r_t + γ·V_{t+1} − V_t, A_t = δ_t + γλ·A_{t+1} with V = A = 0 after the
/// last token; returns A + V before whitening, then A whitened over all tokens of the batch. Needs <see cref="RolloutScore.Values"/>.
/// </summary>
public sealed class GeneralizedAdvantage(double discount = 1, double lambda = 1) : IAdvantageEstimator
{
    /// <inheritdoc/>
    public string Name => "gae";

    /// <inheritdoc/>
    public AdvantageResult Estimate(IReadOnlyList<RolloutScore> rollouts)
    {
        ArgumentNullException.ThrowIfNull(rollouts);
        RolloutScore.Check(rollouts);
        double[][] advantages = [.. rollouts.Select(Raw)];
        double[][] returns = [.. advantages.Select((a, i) => a.Zip(Discounting.ValuesOf(rollouts[i]), (x, v) => x + v).ToArray())];
        return new AdvantageResult(Discounting.Whiten(advantages), returns, GroupSignal.Of(rollouts));
    }

    private double[] Raw(RolloutScore rollout)
    {
        double[] values = Discounting.ValuesOf(rollout);
        double[] advantages = new double[rollout.Tokens];
        double nextValue = 0;
        double next = 0;
        for (int t = advantages.Length - 1; t >= 0; t--)
        {
            double delta = rollout.RewardAt(t) + (discount * nextValue) - values[t];
            advantages[t] = next = delta + (discount * lambda * next);
            nextValue = values[t];
        }

        return advantages;
    }
}
