using Medix.Training.Advantages;
using Medix.Training.Filtering;
using Medix.Training.Losses;

namespace Medix.Training.Algorithms;

/// <summary>
/// A reinforcement-learning method as the composition of its parts. Recipes start from a named one (<see cref="AlgorithmTable"/>) and override fields.
/// </summary>
/// <param name="Name">Its name in recipes.</param>
/// <param name="Advantage">Name of an estimator of <see cref="AdvantageEstimators"/>.</param>
/// <param name="Loss">Name of a loss of <see cref="PolicyLosses"/>.</param>
/// <param name="Clip">The loss's clip range.</param>
/// <param name="Options">Averaging and KL penalty.</param>
/// <param name="Filter">Which groups are trained on, and how often a step draws again.</param>
/// <param name="Overlong">Length penalty added to the score before advantages; null for none.</param>
/// <param name="Source">Where the settings come from, for reports.</param>
public sealed record Algorithm(
    string Name,
    string Advantage,
    string Loss,
    ClipRange Clip,
    PolicyLossOptions Options,
    GroupFilterOptions Filter,
    SoftOverlongPenalty? Overlong,
    string Source)
{
    /// <summary>The named estimator.</summary>
    public IAdvantageEstimator CreateAdvantage() => AdvantageEstimators.Named(Advantage);

    /// <summary>The named loss with this clip range.</summary>
    public IPolicyLoss CreateLoss() => PolicyLosses.Create(Loss, Clip);

    /// <summary>Whether the trainer must compute log-probabilities under a reference model.</summary>
    public bool NeedsReference => Options.Kl is { Coefficient: > 0 };
}
