namespace Medix.Training.Losses;

/// <summary>The running sums behind <see cref="LossMetrics"/>.</summary>
internal sealed class MetricSums
{
    private long tokens;
    private double policy;
    private double klShare;
    private double nllShare;
    private double approximateKl;
    private double referenceKl;
    private double entropy;
    private double ratio;
    private double ratioMinimum = double.PositiveInfinity;
    private double ratioMaximum = double.NegativeInfinity;
    private long low;
    private long high;
    private long dual;
    private double lowMinimum = double.PositiveInfinity;
    private double highMaximum;

    /// <summary>One token; <paramref name="weight"/> is its share of the step.</summary>
    public void AddToken(in TokenLoss token, double weight, double logProb, double oldLogProb, double kl, double tokenEntropy)
    {
        tokens++;
        policy += weight * token.Loss;
        klShare += weight * kl;
        nllShare -= weight * logProb;
        approximateKl += oldLogProb - logProb;
        referenceKl += kl;
        entropy += tokenEntropy;
        ratio += token.Ratio;
        ratioMinimum = Math.Min(ratioMinimum, token.Ratio);
        ratioMaximum = Math.Max(ratioMaximum, token.Ratio);
    }

    /// <summary>Counts the clips of one response's tokens.</summary>
    public void AddClips(ReadOnlySpan<TokenLoss> response)
    {
        int responseLow = 0;
        int responseHigh = 0;
        foreach (TokenLoss token in response)
        {
            responseLow += (token.Clips & TokenClips.Low) != 0 ? 1 : 0;
            responseHigh += (token.Clips & TokenClips.High) != 0 ? 1 : 0;
            dual += (token.Clips & TokenClips.Dual) != 0 ? 1 : 0;
        }

        low += responseLow;
        high += responseHigh;
        lowMinimum = Math.Min(lowMinimum, (double)responseLow / response.Length);
        highMaximum = Math.Max(highMaximum, (double)responseHigh / response.Length);
    }

    /// <summary>The finished metrics.</summary>
    public LossMetrics Finish(double countEpsilon, bool hasEntropy)
    {
        if (tokens == 0)
        {
            return new LossMetrics();
        }

        double count = tokens + countEpsilon;
        return new LossMetrics
        {
            Tokens = tokens,
            PolicyLoss = policy,
            KlLoss = klShare,
            NegativeLogLikelihood = nllShare,
            ApproximateKl = approximateKl / count,
            ReferenceKl = referenceKl / count,
            Entropy = hasEntropy ? entropy / count : null,
            ClipLow = low / count,
            ClipHigh = high / count,
            ClipDual = dual / count,
            ClipLowMinimum = lowMinimum,
            ClipHighMaximum = highMaximum,
            RatioMean = ratio / count,
            RatioMinimum = ratioMinimum,
            RatioMaximum = ratioMaximum,
        };
    }
}
