namespace Medix.Training.Losses;

/// <summary>
/// CISPO (MiniMax 2025, arXiv 2506.13585): REINFORCE weighted by the clipped ratio held constant, −A·log π·sg(ρ_c); clipped tokens keep their gradient.
/// </summary>
/// <param name="clip">Range of the weight. <see cref="ClipRange.Low"/> 1 clips only above, as the paper and TRL do; the dual bound has no part in it.</param>
public sealed class CispoLoss(ClipRange clip) : IPolicyLoss
{
    private readonly ClippedSurrogate surrogate = new(clip);

    /// <inheritdoc/>
    public string Name => "cispo";

    /// <inheritdoc/>
    public void Evaluate(in ResponseTokens tokens, Span<TokenLoss> results)
    {
        for (int t = 0; t < tokens.Count; t++)
        {
            double logRatio = tokens.LogRatio(t);
            double advantage = tokens.Advantages[t];
            double gradient = -advantage * surrogate.ClippedRatio(logRatio);
            TokenClips clips = surrogate.SideOf(logRatio, advantage);
            results[t] = new TokenLoss(gradient * tokens.LogProbs[t], gradient, surrogate.Ratio(logRatio), clips);
        }
    }
}
