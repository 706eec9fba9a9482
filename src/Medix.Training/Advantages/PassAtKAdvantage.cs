namespace Medix.Training.Advantages;

/// <summary>
/// Pass@k: only the best response of a group is rewarded, by its lead over the second, divided by (group deviation + 1e-6); the others get 0.
/// (The original leaves the others their raw score, a defect its successor mended.) Two equal best responses give no lead, hence 0.
/// </summary>
public sealed class PassAtKAdvantage : IAdvantageEstimator
{
    private const double Epsilon = 1e-6;

    /// <inheritdoc/>
    public string Name => "grpo_passk";

    /// <inheritdoc/>
    public AdvantageResult Estimate(IReadOnlyList<RolloutScore> rollouts)
    {
        ArgumentNullException.ThrowIfNull(rollouts);
        RolloutScore.Check(rollouts);
        IReadOnlyList<GroupSignal> groups = GroupSignal.Of(rollouts);
        double[] advantages = new double[rollouts.Count];
        foreach (GroupSignal group in groups.Where(g => g.HasSignal))
        {
            int[] best = [.. group.Members.OrderByDescending(i => rollouts[i].Score).Take(2)];
            advantages[best[0]] = (rollouts[best[0]].Score - rollouts[best[1]].Score) / (group.Deviation + Epsilon);
        }

        return AdvantageResult.PerRollout(rollouts, advantages, groups);
    }
}
