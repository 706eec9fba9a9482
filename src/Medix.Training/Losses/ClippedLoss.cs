namespace Medix.Training.Losses;

/// <summary>PPO's clipped loss per token (Schulman et al. 2017, arXiv 1707.06347) with the dual clip; GRPO and DAPO use it.</summary>
public sealed class ClippedLoss(ClipRange clip) : IPolicyLoss
{
    private readonly ClippedSurrogate surrogate = new(clip);

    /// <inheritdoc/>
    public string Name => "clipped";

    /// <inheritdoc/>
    public void Evaluate(in ResponseTokens tokens, Span<TokenLoss> results)
    {
        for (int t = 0; t < tokens.Count; t++)
        {
            // dℓ/d(log π) = 1: the surrogate's slope is the token's gradient.
            results[t] = surrogate.Evaluate(tokens.LogRatio(t), tokens.Advantages[t]);
        }
    }
}
