namespace Medix.Training.Losses;

/// <summary>
/// The distribution softmax(logits / temperature) at one position: log-probability, entropy and their gradients with respect to the logits. A logit of
/// −infinity is a token that cannot be drawn, and adds nothing to the entropy (0·log 0 = 0).
/// </summary>
public readonly ref struct TokenDistribution
{
    private readonly ReadOnlySpan<double> logits;
    private readonly double temperature;
    private readonly double largest;
    private readonly double logTotal;

    /// <summary>Normalises the logits [V]; <paramref name="temperature"/> above 0, and at least one logit finite.</summary>
    public TokenDistribution(ReadOnlySpan<double> logits, double temperature = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(temperature);
        this.logits = logits;
        this.temperature = temperature;
        largest = double.NegativeInfinity;
        foreach (double logit in logits)
        {
            largest = Math.Max(largest, logit / temperature);
        }

        double total = 0;
        foreach (double logit in logits)
        {
            total += Math.Exp((logit / temperature) - largest);
        }

        logTotal = Math.Log(total);
    }

    /// <summary>log p of a token.</summary>
    public double LogProbability(int token) => (logits[token] / temperature) - largest - logTotal;

    /// <summary>−Σ p·log p in nats.</summary>
    public double Entropy()
    {
        double entropy = 0;
        for (int v = 0; v < logits.Length; v++)
        {
            double logProbability = LogProbability(v);
            entropy -= double.IsNegativeInfinity(logProbability) ? 0 : Math.Exp(logProbability) * logProbability;
        }

        return entropy;
    }

    /// <summary>Adds <paramref name="weight"/>·∂log p(token)/∂logits to <paramref name="gradient"/> [V].</summary>
    public void AddLogProbabilityGradient(int token, double weight, Span<double> gradient)
    {
        double scale = weight / temperature;
        for (int v = 0; v < logits.Length; v++)
        {
            gradient[v] -= scale * Math.Exp(LogProbability(v));
        }

        gradient[token] += scale;
    }

    /// <summary>Adds <paramref name="weight"/>·∂entropy/∂logits to <paramref name="gradient"/> [V].</summary>
    public void AddEntropyGradient(double weight, Span<double> gradient)
    {
        double entropy = Entropy();
        for (int v = 0; v < logits.Length; v++)
        {
            double logProbability = LogProbability(v);
            if (!double.IsNegativeInfinity(logProbability))
            {
                gradient[v] -= weight / temperature * Math.Exp(logProbability) * (logProbability + entropy);
            }
        }
    }
}
