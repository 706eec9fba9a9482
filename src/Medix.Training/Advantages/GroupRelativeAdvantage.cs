namespace Medix.Training.Advantages;

/// <summary>What a score's distance from its group's mean is divided by.</summary>
public enum DeviationScale
{
    /// <summary>Nothing: Dr. GRPO (Liu et al. 2025, arXiv 2503.20783), free of the bias towards groups of small deviation.</summary>
    None,

    /// <summary>The group's own deviation: GRPO (Shao et al. 2024, arXiv 2402.03300).</summary>
    Group,

    /// <summary>The deviation of all scores of the batch.</summary>
    Batch,
}

/// <summary>
/// A = (score − group mean) / (deviation + ε), the same for every token. The deviation is unbiased. A group without spread, or of one rollout, gets
/// exactly 0: the spread is looked at before dividing.
/// </summary>
public sealed class GroupRelativeAdvantage : IAdvantageEstimator
{
    private readonly DeviationScale scale;
    private readonly double epsilon;

    /// <summary>Creates the estimator. <paramref name="epsilon"/> keeps the quotient finite; the original has 1e-6, TRL 1e-4.</summary>
    public GroupRelativeAdvantage(DeviationScale scale = DeviationScale.Group, double epsilon = 1e-6)
    {
        this.scale = scale;
        this.epsilon = epsilon;
    }

    /// <inheritdoc/>
    public string Name => scale switch
    {
        DeviationScale.None => "dr_grpo",
        DeviationScale.Batch => "grpo_batch",
        _ => "grpo",
    };

    /// <inheritdoc/>
    public AdvantageResult Estimate(IReadOnlyList<RolloutScore> rollouts)
    {
        ArgumentNullException.ThrowIfNull(rollouts);
        RolloutScore.Check(rollouts);
        IReadOnlyList<GroupSignal> groups = GroupSignal.Of(rollouts);
        double[] scores = [.. rollouts.Select(r => r.Score)];
        double batchDeviation = scores.Length == 0 ? 0 : GroupSignal.StandardDeviation(scores, scores.Average());
        double[] advantages = new double[scores.Length];
        foreach (GroupSignal group in groups.Where(g => g.HasSignal))
        {
            double divisor = scale switch
            {
                DeviationScale.None => 1,
                DeviationScale.Batch => batchDeviation + epsilon,
                _ => group.Deviation + epsilon,
            };
            foreach (int i in group.Members)
            {
                advantages[i] = (scores[i] - group.Mean) / divisor;
            }
        }

        return AdvantageResult.PerRollout(rollouts, advantages, groups);
    }
}
