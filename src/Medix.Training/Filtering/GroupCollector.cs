using Medix.Runs;

namespace Medix.Training.Filtering;

/// <summary>One prompt's draws with what the filter looks at; <paramref name="Item"/> is whatever the trainer needs of it later.</summary>
/// <param name="Item">The group itself.</param>
/// <param name="Scores">Scores of its scored rollouts.</param>
/// <param name="Accuracies">Where the range is tested on something else than the score: one per scored rollout.</param>
public sealed record ScoredGroup<T>(T Item, double[] Scores, double[]? Accuracies = null);

/// <summary>What the trainer does next.</summary>
public enum CollectorState
{
    /// <summary>Draw another round of prompts.</summary>
    NeedsMore,

    /// <summary>The batch is complete.</summary>
    Complete,

    /// <summary>The tries are used up: go on with the groups there are.</summary>
    Exhausted,
}

/// <summary>
/// Collects groups worth an update until a step has enough: offered groups are judged, kept in order, and what is beyond the target is left over for the
/// next step instead of being thrown away. A round in which nothing is kept is only a round (the original ends the run there, even with a batch half
/// full); only a step without a single group is an error.
/// </summary>
/// <param name="options">The filter.</param>
/// <param name="target">Groups a step needs.</param>
/// <param name="carriedOver">The left-over groups of the step before, which come first and are not judged again.</param>
public sealed class GroupCollector<T>(GroupFilterOptions options, int target, IReadOnlyList<ScoredGroup<T>>? carriedOver = null)
{
    private readonly List<ScoredGroup<T>> kept = [.. carriedOver ?? []];
    private readonly Dictionary<GroupVerdict, int> counts = Enum.GetValues<GroupVerdict>().ToDictionary(v => v, _ => 0);

    /// <summary>Rounds offered so far.</summary>
    public int Tries { get; private set; }

    /// <summary>Offered groups by verdict; every verdict has an entry.</summary>
    public IReadOnlyDictionary<GroupVerdict, int> Counts => counts;

    /// <summary>What comes next.</summary>
    public CollectorState State => kept.Count >= target
        ? CollectorState.Complete
        : options.MaximumTries > 0 && Tries >= options.MaximumTries ? CollectorState.Exhausted : CollectorState.NeedsMore;

    /// <summary>The step's groups: at most the target, in the order they were offered.</summary>
    public IReadOnlyList<ScoredGroup<T>> Batch => [.. kept.Take(target)];

    /// <summary>Kept groups beyond the target, for the next step and for the checkpoint.</summary>
    public IReadOnlyList<ScoredGroup<T>> Leftovers => [.. kept.Skip(target)];

    /// <summary>Judges the groups of one round; returns the verdicts in order.</summary>
    public IReadOnlyList<GroupVerdict> Offer(IReadOnlyList<ScoredGroup<T>> round)
    {
        ArgumentNullException.ThrowIfNull(round);
        Tries++;
        GroupVerdict[] verdicts = [.. round.Select(g => GroupFilter.Judge(options, g.Scores, g.Accuracies))];
        for (int i = 0; i < verdicts.Length; i++)
        {
            counts[verdicts[i]]++;
            if (verdicts[i] == GroupVerdict.Kept)
            {
                kept.Add(round[i]);
            }
        }

        return verdicts;
    }

    /// <summary>The batch, or an error when not one group is in it.</summary>
    /// <exception cref="MedixException">No group at all was kept: says how many were left out and why.</exception>
    public IReadOnlyList<ScoredGroup<T>> Require()
    {
        if (kept.Count == 0)
        {
            string reasons = string.Join(", ", counts.Where(c => c.Value > 0).Select(c => $"{c.Key} {c.Value}"));
            throw new MedixException($"None of the groups of {Tries} rounds can teach the policy ({(reasons.Length == 0 ? "none were drawn" : reasons)}). " +
                "Check that the reward tells responses apart; draw more responses per prompt or at a higher temperature; or allow more tries in the recipe.");
        }

        return Batch;
    }
}
