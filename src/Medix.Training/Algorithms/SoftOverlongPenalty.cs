namespace Medix.Training.Algorithms;

/// <summary>
/// DAPO's soft length penalty (Yu et al. 2025, arXiv 2503.14476), added to the reward: 0 up to <paramref name="MaximumLength"/> − <paramref name="Buffer"/>
/// tokens, then linear to −1 at the maximum length and beyond.
/// </summary>
/// <param name="MaximumLength">The response limit in tokens.</param>
/// <param name="Buffer">Tokens before the limit over which the penalty grows; above 0.</param>
/// <param name="Factor">Scale of the penalty, 1 gives −1 at the limit.</param>
public sealed record SoftOverlongPenalty(int MaximumLength, int Buffer, double Factor = 1)
{
    /// <summary>The penalty for a response of that many tokens: in [−Factor, 0].</summary>
    public double Of(int length) => -Factor * Math.Clamp((length - (MaximumLength - Buffer)) / (double)Buffer, 0, 1);
}
