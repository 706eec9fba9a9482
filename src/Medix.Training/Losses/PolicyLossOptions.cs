namespace Medix.Training.Losses;

/// <summary>
/// The clip range of the importance ratio ρ = π/π_old: [1 − <paramref name="Low"/>, 1 + <paramref name="High"/>]. The bounds are applied to log ρ.
/// </summary>
/// <param name="Low">In (0, 1]; 1 leaves the lower side open.</param>
/// <param name="High">Above 0.</param>
/// <param name="Dual">
/// Dual clip (Ye et al. 2019, arXiv 1912.09729): a negative advantage never costs more than this multiple of it; infinity switches it off.
/// </param>
/// <param name="LogRatioLimit">
/// Beyond ± this, ρ is held constant and the gradient is 0, so that a far-off token cannot overflow; infinity switches it off.
/// </param>
public sealed record ClipRange(double Low, double High, double Dual = 3, double LogRatioLimit = 20);

/// <summary>KL penalty added to the policy loss, averaged as the loss is.</summary>
/// <param name="Estimator">Which per-token estimate.</param>
/// <param name="Coefficient">Its weight, ≥ 0.</param>
public sealed record KlPenalty(KlEstimator Estimator, double Coefficient);

/// <summary>Everything about the loss of a step that is not the per-token formula.</summary>
/// <param name="Aggregation">How token losses are averaged.</param>
/// <param name="ConstantLength">The divisor's length in tokens for <see cref="LossAggregation.ConstantLength"/>.</param>
/// <param name="Kl">Null: no reference model is needed.</param>
public sealed record PolicyLossOptions(LossAggregation Aggregation = LossAggregation.Token, int ConstantLength = 0, KlPenalty? Kl = null)
{
    /// <summary>Added to every token count that divides. 0 is exact; the original has 1e-8, which matters only to reproduce its figures.</summary>
    public double CountEpsilon { get; init; }
}
