using Medix.Runs;

namespace Medix.Training.Advantages;

/// <summary>The estimators a recipe can name. A new one is a class and a row here.</summary>
public static class AdvantageEstimators
{
    /// <summary>Every estimator with its default parameters.</summary>
    public static IReadOnlyList<IAdvantageEstimator> All { get; } =
    [
        new GroupRelativeAdvantage(),
        new GroupRelativeAdvantage(DeviationScale.None),
        new GroupRelativeAdvantage(DeviationScale.Batch),
        new LeaveOneOutAdvantage(),
        new PassAtKAdvantage(),
        new ReinforcePlusPlusAdvantage(),
        new GreedyBaselineAdvantage(),
        new GeneralizedAdvantage(),
    ];

    /// <summary>The estimator of that name.</summary>
    /// <exception cref="MedixException">There is none; the message lists the known ones.</exception>
    public static IAdvantageEstimator Named(string name) => All.FirstOrDefault(e => e.Name == name)
        ?? throw new MedixException($"There is no advantage estimator '{name}'. Known ones: {string.Join(", ", All.Select(e => e.Name))}.");
}
