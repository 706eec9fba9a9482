namespace Medix.Training.Advantages;

/// <summary>RLOO (Ahmadian et al. 2024, arXiv 2402.14740): each score less the mean of the others of its group.</summary>
public sealed class LeaveOneOutAdvantage : IAdvantageEstimator
{
    /// <inheritdoc/>
    public string Name => "rloo";

    /// <inheritdoc/>
    public AdvantageResult Estimate(IReadOnlyList<RolloutScore> rollouts)
    {
        ArgumentNullException.ThrowIfNull(rollouts);
        RolloutScore.Check(rollouts);
        IReadOnlyList<GroupSignal> groups = GroupSignal.Of(rollouts);
        double[] advantages = new double[rollouts.Count];
        foreach (GroupSignal group in groups.Where(g => g.HasSignal))
        {
            // s − (n·mean − s)/(n − 1), written so that the large terms cancel once.
            double factor = group.Members.Length / (group.Members.Length - 1.0);
            foreach (int i in group.Members)
            {
                advantages[i] = (rollouts[i].Score - group.Mean) * factor;
            }
        }

        return AdvantageResult.PerRollout(rollouts, advantages, groups);
    }
}
