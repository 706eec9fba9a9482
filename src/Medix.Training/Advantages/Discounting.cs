using Medix.Runs;

namespace Medix.Training.Advantages;

/// <summary>Sums of rewards over the tokens of one response, and whitening over the tokens of a batch.</summary>
internal static class Discounting
{
    private const double VarianceEpsilon = 1e-8;

    /// <summary>G_t = r_t + γ·G_{t+1} over the response's own tokens [L].</summary>
    public static double[] Returns(RolloutScore rollout, double discount)
    {
        double[] returns = new double[rollout.Tokens];
        double next = 0;
        for (int t = returns.Length - 1; t >= 0; t--)
        {
            returns[t] = next = rollout.RewardAt(t) + (discount * next);
        }

        return returns;
    }

    /// <summary>
    /// (v − μ)·(σ² + 1e-8)^(−½) with the unbiased variance over all tokens of all rollouts. Tokens that are all equal give exactly 0: their variance is
    /// only rounding.
    /// </summary>
    public static double[][] Whiten(double[][] values)
    {
        double[] all = [.. values.SelectMany(v => v)];
        if (all.Length == 0)
        {
            return values;
        }

        double mean = all.Average();
        if (!GroupSignal.Differs(all.Max() - all.Min(), mean))
        {
            return [.. values.Select(v => new double[v.Length])];
        }

        double deviation = GroupSignal.StandardDeviation(all, mean);
        double scale = 1 / Math.Sqrt((deviation * deviation) + VarianceEpsilon);
        return [.. values.Select(v => Array.ConvertAll(v, x => (x - mean) * scale))];
    }

    /// <summary>The critic's values of a rollout, or a clear error.</summary>
    public static double[] ValuesOf(RolloutScore rollout) => rollout.Values
        ?? throw new MedixException($"The gae estimator needs a critic's value for every token, and rollout '{rollout.Id}' has none. " +
            "Train a critic, or choose an estimator without one (grpo, rloo, reinforce_plus_plus).");
}
