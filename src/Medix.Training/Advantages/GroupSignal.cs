namespace Medix.Training.Advantages;

/// <summary>What a group's scores have to say.</summary>
/// <param name="Group">The group's name.</param>
/// <param name="Members">Positions of its rollouts in the list the estimator was given.</param>
/// <param name="Mean">Mean score.</param>
/// <param name="Deviation">Unbiased standard deviation, 0 for a single rollout.</param>
/// <param name="Spread">Largest minus smallest score.</param>
public sealed record GroupSignal(string Group, int[] Members, double Mean, double Deviation, double Spread)
{
    /// <summary>
    /// Scores closer than this (relative to their size where it is above 1) count as equal: sums of the same reward terms in another order differ by
    /// rounding, and dividing that residue by a deviation of the same size would make full-size advantages of nothing.
    /// </summary>
    public const double Tolerance = 1e-9;

    /// <summary>Whether the group's rollouts differ at all.</summary>
    public bool HasSignal => Differs(Spread, Mean);

    /// <summary>All groups, in order of first appearance.</summary>
    public static IReadOnlyList<GroupSignal> Of(IReadOnlyList<RolloutScore> rollouts)
    {
        ArgumentNullException.ThrowIfNull(rollouts);
        List<string> order = [];
        Dictionary<string, List<int>> members = [];
        for (int i = 0; i < rollouts.Count; i++)
        {
            if (!members.TryGetValue(rollouts[i].Group, out List<int>? group))
            {
                members[rollouts[i].Group] = group = [];
                order.Add(rollouts[i].Group);
            }

            group.Add(i);
        }

        return [.. order.Select(name => Of(name, [.. members[name]], [.. members[name].Select(i => rollouts[i].Score)]))];
    }

    /// <summary>Whether a spread around a mean is more than rounding.</summary>
    internal static bool Differs(double spread, double mean) => spread > Tolerance * Math.Max(1, Math.Abs(mean));

    /// <summary>Unbiased standard deviation, 0 for fewer than two values.</summary>
    internal static double StandardDeviation(ReadOnlySpan<double> values, double mean)
    {
        double squares = 0;
        foreach (double value in values)
        {
            squares += (value - mean) * (value - mean);
        }

        return values.Length > 1 ? Math.Sqrt(squares / (values.Length - 1)) : 0;
    }

    private static GroupSignal Of(string name, int[] members, double[] scores)
    {
        double mean = scores.Average();
        return new GroupSignal(name, members, mean, StandardDeviation(scores, mean), scores.Max() - scores.Min());
    }
}
