namespace Medix.Training.Losses;

/// <summary>
/// The per-token formula of a policy-gradient loss. Averaging over tokens, the KL penalty, the guard against non-finite input and the metrics are the same
/// for all and stand in <see cref="PolicyObjective"/>.
/// </summary>
public interface IPolicyLoss
{
    /// <summary>The name in recipes and logs: <c>clipped</c>, <c>gspo</c>, <c>gspo_token</c>, <c>cispo</c>.</summary>
    string Name { get; }

    /// <summary>Fills one result per token of one response.</summary>
    void Evaluate(in ResponseTokens tokens, Span<TokenLoss> results);
}

/// <summary>One response without its padding; all spans have its length L ≥ 1 and hold finite numbers.</summary>
public readonly ref struct ResponseTokens(ReadOnlySpan<double> logProbs, ReadOnlySpan<double> oldLogProbs, ReadOnlySpan<double> advantages)
{
    /// <summary>log π of each token under the policy being trained.</summary>
    public ReadOnlySpan<double> LogProbs { get; } = logProbs;

    /// <summary>log π of each token under the policy that drew it.</summary>
    public ReadOnlySpan<double> OldLogProbs { get; } = oldLogProbs;

    /// <summary>Advantage of each token.</summary>
    public ReadOnlySpan<double> Advantages { get; } = advantages;

    /// <summary>L.</summary>
    public int Count => LogProbs.Length;

    /// <summary>log ρ of one token.</summary>
    public double LogRatio(int token) => LogProbs[token] - OldLogProbs[token];

    /// <summary>Σ log ρ / (L + <paramref name="countEpsilon"/>): the log of GSPO's length-normalised sequence ratio.</summary>
    public double MeanLogRatio(double countEpsilon)
    {
        double sum = 0;
        for (int t = 0; t < Count; t++)
        {
            sum += LogRatio(t);
        }

        return sum / (Count + countEpsilon);
    }
}

/// <summary>Where clipping held an update back.</summary>
[Flags]
public enum TokenClips
{
    /// <summary>Nowhere.</summary>
    None = 0,

    /// <summary>Below the range, with a negative advantage.</summary>
    Low = 1,

    /// <summary>Above the range, with a positive advantage.</summary>
    High = 2,

    /// <summary>At the dual bound.</summary>
    Dual = 4,
}

/// <summary>One token's share.</summary>
/// <param name="Loss">The token's loss.</param>
/// <param name="Gradient">Derivative of the sum of the response's token losses with respect to this token's log-probability.</param>
/// <param name="Ratio">The importance ratio the loss used.</param>
/// <param name="Clips">Where clipping held the update back.</param>
public readonly record struct TokenLoss(double Loss, double Gradient, double Ratio, TokenClips Clips);
