using Medix.Rewards;

namespace Medix.Training.Rollouts;

/// <summary>Scores whole batches of rollouts, so that the reward can batch and deduplicate its calls.</summary>
public static class RolloutScoring
{
    /// <summary>The same groups with a report for each response.</summary>
    public static async Task<IReadOnlyList<ScoredGroup>> ScoreAsync(
        CompositeReward reward, IReadOnlyList<RolloutGroup> groups, CancellationToken cancellationToken)
    {
        RewardInput[] inputs = [.. groups.SelectMany(g => g.Rollouts.Select(r => new RewardInput(g.Prompt.Sample, r.Text)))];
        IReadOnlyList<RewardReport> reports = await reward.ScoreAsync(inputs, cancellationToken).ConfigureAwait(false);
        int at = 0;
        return [.. groups.Select(g => new ScoredGroup(g.Prompt, [.. g.Rollouts.Select(r => new ScoredRollout(r, reports[at++]))]))];
    }

    /// <summary>Counts of unscored responses by the reason of their first unscored term.</summary>
    public static IReadOnlyDictionary<string, int> UnscoredReasons(IEnumerable<RewardReport> reports) =>
        reports.Where(r => r.Total is null)
            .GroupBy(r => r.Terms.First(t => t.Status == TermStatus.Unscored), r => r, ReasonComparer.Instance)
            .ToDictionary(g => $"{g.Key.Term}: {g.Key.Note}", g => g.Count());

    /// <summary>Mean of each term over the responses where it was scored; terms never scored are left out.</summary>
    public static IReadOnlyDictionary<string, double> MeanTerms(IReadOnlyCollection<RewardReport> reports) =>
        reports.SelectMany(r => r.Terms).Where(t => t.Status == TermStatus.Scored)
            .GroupBy(t => t.Term).ToDictionary(g => g.Key, g => g.Average(t => t.Value));

    private sealed class ReasonComparer : IEqualityComparer<TermResult>
    {
        public static ReasonComparer Instance { get; } = new();

        public bool Equals(TermResult? x, TermResult? y) => (x?.Term, x?.Note) == (y?.Term, y?.Note);

        public int GetHashCode(TermResult obj) => HashCode.Combine(obj.Term, obj.Note);
    }
}
