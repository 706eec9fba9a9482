namespace Medix.Training.Losses;

/// <summary>Per-token estimates of KL(policy ‖ reference) from the log-probability of the drawn token, with Δ = log π − log π_ref.</summary>
public enum KlEstimator
{
    /// <summary>Δ: unbiased, can be negative (k1).</summary>
    Difference,

    /// <summary>|Δ|.</summary>
    Absolute,

    /// <summary>Δ²/2 (k2).</summary>
    Squared,

    /// <summary>
    /// e^−Δ + Δ − 1 (k3, Schulman 2020) with −Δ clamped to ±20 and the value to ±10, as the original has it: tokens beyond have no gradient.
    /// </summary>
    K3,

    /// <summary>e^−Δ + Δ − 1 as it stands, as TRL has it.</summary>
    K3Unclamped,
}

/// <summary>A KL estimate and its derivative with respect to the policy's log-probability.</summary>
public readonly record struct KlTerm(double Value, double Derivative)
{
    private const double DifferenceLimit = 20;
    private const double ValueLimit = 10;

    /// <summary>Evaluates an estimator for one token.</summary>
    public static KlTerm Of(KlEstimator estimator, double logProb, double referenceLogProb)
    {
        double delta = logProb - referenceLogProb;
        return estimator switch
        {
            KlEstimator.Difference => new KlTerm(delta, 1),
            KlEstimator.Absolute => new KlTerm(Math.Abs(delta), delta > 0 ? 1 : delta < 0 ? -1 : 0),
            KlEstimator.Squared => new KlTerm(delta * delta / 2, delta),
            KlEstimator.K3 => Clamped(-delta),
            KlEstimator.K3Unclamped => new KlTerm(K3(-delta), 1 - Math.Exp(-delta)),
            _ => throw new ArgumentOutOfRangeException(nameof(estimator), estimator, "Unknown KL estimator."),
        };
    }

    private static KlTerm Clamped(double k)
    {
        bool inside = Math.Abs(k) <= DifferenceLimit;
        double value = K3(Math.Clamp(k, -DifferenceLimit, DifferenceLimit));
        return new KlTerm(Math.Clamp(value, -ValueLimit, ValueLimit), inside && value <= ValueLimit ? 1 - Math.Exp(k) : 0);
    }

    private static double K3(double k) => Math.Exp(k) - k - 1;
}
