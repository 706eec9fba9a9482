namespace Medix.Training.Losses;

/// <summary>
/// What is logged of a step's loss. Means are over the tokens that were seen; the loss parts are shares of the step (see <see cref="LossScale"/>) and add up.
/// </summary>
public sealed record LossMetrics
{
    /// <summary>Unmasked tokens.</summary>
    public long Tokens { get; init; }

    /// <summary>The loss without its KL part.</summary>
    public double PolicyLoss { get; init; }

    /// <summary>The KL penalty before its coefficient, averaged as the loss is; 0 without one.</summary>
    public double KlLoss { get; init; }

    /// <summary>−log π averaged as the loss is: the original's "entropy_loss", which is no entropy.</summary>
    public double NegativeLogLikelihood { get; init; }

    /// <summary>Token mean of log π_old − log π: how far this update has already gone. Near 0 on the first pass; can be negative.</summary>
    public double ApproximateKl { get; init; }

    /// <summary>Token mean of the KL estimate against the reference model; 0 without one.</summary>
    public double ReferenceKl { get; init; }

    /// <summary>Token mean of the policy's entropy in nats, null where the batch carried none.</summary>
    public double? Entropy { get; init; }

    /// <summary>Fraction of tokens held back below the range.</summary>
    public double ClipLow { get; init; }

    /// <summary>Fraction of tokens held back above the range.</summary>
    public double ClipHigh { get; init; }

    /// <summary>Fraction of tokens held back at the dual bound.</summary>
    public double ClipDual { get; init; }

    /// <summary>The smallest fraction of low-clipped tokens of any response.</summary>
    public double ClipLowMinimum { get; init; }

    /// <summary>The largest fraction of high-clipped tokens of any response.</summary>
    public double ClipHighMaximum { get; init; }

    /// <summary>Token mean of the importance ratio.</summary>
    public double RatioMean { get; init; } = 1;

    /// <summary>The smallest importance ratio; 1 where there was no token.</summary>
    public double RatioMinimum { get; init; } = 1;

    /// <summary>The largest importance ratio; 1 where there was no token.</summary>
    public double RatioMaximum { get; init; } = 1;

    /// <summary>The metrics of a step from those of its micro-batches: means weighted by tokens, shares added, extremes kept.</summary>
    public static LossMetrics Combine(params ReadOnlySpan<LossMetrics> parts)
    {
        LossMetrics[] seen = [.. parts.ToArray().Where(p => p.Tokens > 0)];
        if (seen.Length == 0)
        {
            return new LossMetrics();
        }

        double tokens = seen.Sum(p => p.Tokens);
        double Mean(Func<LossMetrics, double> value) => seen.Sum(p => value(p) * p.Tokens) / tokens;
        return new LossMetrics
        {
            Tokens = (long)tokens,
            PolicyLoss = seen.Sum(p => p.PolicyLoss),
            KlLoss = seen.Sum(p => p.KlLoss),
            NegativeLogLikelihood = seen.Sum(p => p.NegativeLogLikelihood),
            ApproximateKl = Mean(p => p.ApproximateKl),
            ReferenceKl = Mean(p => p.ReferenceKl),
            Entropy = seen.All(p => p.Entropy is not null) ? Mean(p => p.Entropy ?? 0) : null,
            ClipLow = Mean(p => p.ClipLow),
            ClipHigh = Mean(p => p.ClipHigh),
            ClipDual = Mean(p => p.ClipDual),
            ClipLowMinimum = seen.Min(p => p.ClipLowMinimum),
            ClipHighMaximum = seen.Max(p => p.ClipHighMaximum),
            RatioMean = Mean(p => p.RatioMean),
            RatioMinimum = seen.Min(p => p.RatioMinimum),
            RatioMaximum = seen.Max(p => p.RatioMaximum),
        };
    }

    /// <summary>The metrics under the names of the event log, TRL's where it has the same quantity.</summary>
    public IReadOnlyDictionary<string, double> Named()
    {
        Dictionary<string, double> named = new()
        {
            ["loss/policy"] = PolicyLoss,
            ["loss/kl"] = KlLoss,
            ["loss/nll"] = NegativeLogLikelihood,
            ["approx_kl"] = ApproximateKl,
            ["kl"] = ReferenceKl,
            ["clip_ratio/low_mean"] = ClipLow,
            ["clip_ratio/low_min"] = ClipLowMinimum,
            ["clip_ratio/high_mean"] = ClipHigh,
            ["clip_ratio/high_max"] = ClipHighMaximum,
            ["clip_ratio/region_mean"] = ClipLow + ClipHigh,
            ["clip_ratio/dual_mean"] = ClipDual,
            ["importance_ratio/mean"] = RatioMean,
            ["importance_ratio/min"] = RatioMinimum,
            ["importance_ratio/max"] = RatioMaximum,
        };
        if (Entropy is { } entropy)
        {
            named["entropy"] = entropy;
        }

        return named;
    }
}

/// <summary>A micro-batch's share of the step.</summary>
/// <param name="Loss">Policy loss plus KL coefficient times KL.</param>
/// <param name="Gradient">[B·R]: derivative of <paramref name="Loss"/> with respect to each log-probability; 0 on masked positions.</param>
/// <param name="Metrics">What is logged.</param>
public sealed record PolicyLossResult(double Loss, double[] Gradient, LossMetrics Metrics);
