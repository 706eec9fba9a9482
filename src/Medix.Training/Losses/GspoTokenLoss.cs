namespace Medix.Training.Losses;

/// <summary>
/// GSPO-token (same paper as <see cref="GspoLoss"/>): the value is the response's ratio, the gradient each token's own, so that advantages may differ
/// between the tokens of a response. With one advantage per response and mean over the response it equals GSPO.
/// </summary>
/// <param name="clip">Range of the ratio.</param>
/// <param name="countEpsilon">Added to the length that divides, see <see cref="PolicyLossOptions.CountEpsilon"/>.</param>
public sealed class GspoTokenLoss(ClipRange clip, double countEpsilon = 0) : IPolicyLoss
{
    private readonly ClippedSurrogate surrogate = new(clip);

    /// <inheritdoc/>
    public string Name => "gspo_token";

    /// <inheritdoc/>
    public void Evaluate(in ResponseTokens tokens, Span<TokenLoss> results)
    {
        double mean = tokens.MeanLogRatio(countEpsilon);
        for (int t = 0; t < tokens.Count; t++)
        {
            results[t] = surrogate.Evaluate(mean, tokens.Advantages[t]);
        }
    }
}
