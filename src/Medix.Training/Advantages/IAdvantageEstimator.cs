namespace Medix.Training.Advantages;

/// <summary>
/// Turns scores into advantages: how much better than expected each response (or token) was. No gradient flows through it.
/// </summary>
public interface IAdvantageEstimator
{
    /// <summary>The name in recipes and logs, for example <c>grpo</c>.</summary>
    string Name { get; }

    /// <summary>
    /// One advantage and one return per token of every rollout, in order. Groups are found by name, never by position, and equal scores give exactly 0.
    /// </summary>
    /// <exception cref="Medix.Runs.MedixException">A score, token reward or value is not finite, or one the estimator needs is missing.</exception>
    AdvantageResult Estimate(IReadOnlyList<RolloutScore> rollouts);
}

/// <summary>The outcome of an estimator, aligned with the rollouts it was given.</summary>
/// <param name="Advantages">[rollouts][L]: the weight of each token in the policy loss.</param>
/// <param name="Returns">[rollouts][L]: what a critic would be trained on; equals the advantages where the method has no returns of its own.</param>
/// <param name="Groups">Every group with its spread, in order of first appearance; <see cref="GroupSignal.HasSignal"/> false says it cannot teach.</param>
public sealed record AdvantageResult(double[][] Advantages, double[][] Returns, IReadOnlyList<GroupSignal> Groups)
{
    /// <summary>The rollout's advantage averaged over its tokens, 0 for an empty response: one number for logs.</summary>
    public double Of(int rollout) => Advantages[rollout] is { Length: > 0 } tokens ? tokens.Average() : 0;

    /// <summary>The same advantage on every token of a rollout, which is also its return.</summary>
    internal static AdvantageResult PerRollout(IReadOnlyList<RolloutScore> rollouts, double[] advantages, IReadOnlyList<GroupSignal> groups)
    {
        double[][] perToken = new double[rollouts.Count][];
        for (int i = 0; i < perToken.Length; i++)
        {
            perToken[i] = new double[rollouts[i].Tokens];
            Array.Fill(perToken[i], advantages[i]);
        }

        return new AdvantageResult(perToken, perToken, groups);
    }
}
