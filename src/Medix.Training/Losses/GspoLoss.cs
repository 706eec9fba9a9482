namespace Medix.Training.Losses;

/// <summary>
/// GSPO (Zheng et al. 2025, arXiv 2507.18071): every token has the ratio of its whole response, s = exp(mean log ρ), and the gradient flows through the mean.
/// </summary>
/// <param name="clip">Range of s; the paper and the original have 3e-4 and 4e-4.</param>
/// <param name="countEpsilon">Added to the length that divides, see <see cref="PolicyLossOptions.CountEpsilon"/>.</param>
public sealed class GspoLoss(ClipRange clip, double countEpsilon = 0) : IPolicyLoss
{
    private readonly ClippedSurrogate surrogate = new(clip);

    /// <inheritdoc/>
    public string Name => "gspo";

    /// <inheritdoc/>
    public void Evaluate(in ResponseTokens tokens, Span<TokenLoss> results)
    {
        double mean = tokens.MeanLogRatio(countEpsilon);
        double slope = 0;
        for (int t = 0; t < tokens.Count; t++)
        {
            results[t] = surrogate.Evaluate(mean, tokens.Advantages[t]);
            slope += results[t].Gradient;
        }

        // Every token's loss depends on every token's log-probability, each by 1/L of the mean.
        double shared = slope / (tokens.Count + countEpsilon);
        for (int t = 0; t < tokens.Count; t++)
        {
            results[t] = results[t] with { Gradient = shared };
        }
    }
}
