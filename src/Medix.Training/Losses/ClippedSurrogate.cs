namespace Medix.Training.Losses;

/// <summary>
/// PPO's clipped surrogate with the dual clip, as a function of the log-ratio ℓ: −min(A·ρ, A·ρ_c), and for A &lt; 0 at most −A·dual.
/// </summary>
internal readonly struct ClippedSurrogate
{
    private readonly double logLow;
    private readonly double logHigh;
    private readonly double dual;
    private readonly double limit;

    public ClippedSurrogate(ClipRange clip)
    {
        ArgumentNullException.ThrowIfNull(clip);
        if (clip is not { Low: > 0 and <= 1, High: > 0, Dual: > 1, LogRatioLimit: > 0 })
        {
            throw new ArgumentException($"The clip range {clip} needs 0 < Low ≤ 1, High > 0, Dual > 1 and LogRatioLimit > 0.");
        }

        logLow = Math.Log(1 - clip.Low);
        logHigh = Math.Log(1 + clip.High);
        dual = clip.Dual;
        limit = clip.LogRatioLimit;
    }

    /// <summary>e^ℓ inside the limit.</summary>
    public double Ratio(double logRatio) => Math.Exp(Math.Clamp(logRatio, -limit, limit));

    /// <summary>The ratio held to the clip range.</summary>
    public double ClippedRatio(double logRatio) => Math.Exp(Math.Clamp(logRatio, logLow, logHigh));

    /// <summary>Whether ℓ lies above or below the range on the side where the advantage pushes further out.</summary>
    public TokenClips SideOf(double logRatio, double advantage) =>
        logRatio > logHigh && advantage > 0 ? TokenClips.High : logRatio < logLow && advantage < 0 ? TokenClips.Low : TokenClips.None;

    /// <summary>Loss, and as <see cref="TokenLoss.Gradient"/> its derivative with respect to ℓ.</summary>
    public TokenLoss Evaluate(double logRatio, double advantage)
    {
        double ratio = Ratio(logRatio);
        double free = -advantage * ratio;
        double held = -advantage * ClippedRatio(logRatio);
        TokenClips clips = free < held ? advantage > 0 ? TokenClips.High : TokenClips.Low : TokenClips.None;
        double loss = Math.Max(free, held);
        // Where the two are equal they are the same function, except at A = 0, where both slopes are 0.
        double slope = free < held || Math.Abs(logRatio) > limit ? 0 : free;
        if (advantage < 0 && loss > -advantage * dual)
        {
            return new TokenLoss(-advantage * dual, 0, ratio, clips | TokenClips.Dual);
        }

        return new TokenLoss(loss, slope, ratio, clips);
    }
}
