namespace Medix.Evaluation;

/// <summary>
/// A mean with its interval, at 95 % unless said otherwise, over <paramref name="Count"/> values. Low ≤ Mean ≤ High except for bootstrap
/// intervals of very few values. In JSON: <c>{mean, low, high, count}</c>.
/// </summary>
public sealed record Estimate(double Mean, double Low, double High, int Count)
{
    /// <summary>Whether the whole interval lies above another's.</summary>
    public bool IsAbove(Estimate other) => Low > other.High;
}

/// <summary>Two ends of an interval.</summary>
public readonly record struct Interval(double Low, double High);
