using Medix.Training.Advantages;

namespace Medix.Training.Filtering;

/// <summary>Why a group was kept or left out.</summary>
public enum GroupVerdict
{
    /// <summary>It trains the policy.</summary>
    Kept,

    /// <summary>Fewer than two of its rollouts were scored: there is nothing to compare.</summary>
    TooFewScored,

    /// <summary>All scores are equal: every advantage would be 0.</summary>
    NoSpread,

    /// <summary>Its mean is at or below the range: too hard for now.</summary>
    BelowRange,

    /// <summary>Its mean is at or above the range: nothing left to learn.</summary>
    AboveRange,
}

/// <summary>An open interval: a mean on a bound is outside.</summary>
public sealed record ScoreRange(double Low, double High);

/// <summary>Which groups are worth an update.</summary>
/// <param name="RequireSpread">
/// Leave out groups whose scores are equal (dynamic sampling, DAPO). The original looks at the mean only and keeps them.
/// </param>
/// <param name="MeanRange">
/// Where given, the mean of a group's accuracies (of its scores where it has none) must lie inside. On a shaped reward this says little: prefer accuracies.
/// </param>
/// <param name="MaximumTries">Generation rounds per step before it goes on with the groups it has; 0 is no limit, 1 never draws again.</param>
public sealed record GroupFilterOptions(bool RequireSpread = true, ScoreRange? MeanRange = null, int MaximumTries = 1);

/// <summary>Judges groups by <see cref="GroupFilterOptions"/>.</summary>
public static class GroupFilter
{
    /// <summary>
    /// The verdict on one group from the scores of its scored rollouts, and optionally an accuracy for each (the range is tested on those).
    /// </summary>
    public static GroupVerdict Judge(GroupFilterOptions options, ReadOnlySpan<double> scores, ReadOnlySpan<double> accuracies = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (scores.Length < 2)
        {
            return options.RequireSpread || scores.IsEmpty ? GroupVerdict.TooFewScored : RangeVerdict(options, scores, accuracies);
        }

        return options.RequireSpread && !HasSpread(scores) ? GroupVerdict.NoSpread : RangeVerdict(options, scores, accuracies);
    }

    private static GroupVerdict RangeVerdict(GroupFilterOptions options, ReadOnlySpan<double> scores, ReadOnlySpan<double> accuracies)
    {
        if (options.MeanRange is not { } range)
        {
            return GroupVerdict.Kept;
        }

        double mean = Mean(accuracies.IsEmpty ? scores : accuracies);
        return mean <= range.Low ? GroupVerdict.BelowRange : mean >= range.High ? GroupVerdict.AboveRange : GroupVerdict.Kept;
    }

    private static bool HasSpread(ReadOnlySpan<double> scores)
    {
        double lowest = double.PositiveInfinity;
        double highest = double.NegativeInfinity;
        foreach (double score in scores)
        {
            lowest = Math.Min(lowest, score);
            highest = Math.Max(highest, score);
        }

        return GroupSignal.Differs(highest - lowest, Mean(scores));
    }

    private static double Mean(ReadOnlySpan<double> values)
    {
        double sum = 0;
        foreach (double value in values)
        {
            sum += value;
        }

        return sum / values.Length;
    }
}
