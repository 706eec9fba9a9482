using System.Globalization;
using Medix.Runs;

namespace Medix.Training.Advantages;

/// <summary>
/// One scored rollout as an advantage estimator sees it. Unscored rollouts are left out before: a missing score is not a zero.
/// </summary>
/// <param name="Id">Names the rollout in errors.</param>
/// <param name="Group">The prompt's draw group: rollouts of one group are compared with each other, wherever they stand in the list.</param>
/// <param name="Score">The whole reward of the response; finite.</param>
/// <param name="Tokens">Response length L in tokens, the end token included; 0 is allowed and has no advantage.</param>
public sealed record RolloutScore(string Id, string Group, double Score, int Tokens)
{
    /// <summary>Reward per token [L]; null puts the whole <see cref="Score"/> on the last token.</summary>
    public double[]? TokenRewards { get; init; }

    /// <summary>The critic's value per token [L]; only generalised advantage estimation reads it.</summary>
    public double[]? Values { get; init; }

    /// <summary>The score of the prompt's greedy response; only ReMax reads it.</summary>
    public double? Baseline { get; init; }

    internal double RewardAt(int token) => TokenRewards is { } rewards ? rewards[token] : token == Tokens - 1 ? Score : 0;

    /// <summary>Refuses non-finite scores and arrays of another length than the response, by name.</summary>
    internal static void Check(IReadOnlyList<RolloutScore> rollouts)
    {
        foreach (RolloutScore rollout in rollouts)
        {
            if (!double.IsFinite(rollout.Score))
            {
                throw new MedixException(string.Create(CultureInfo.InvariantCulture,
                    $"The score of rollout '{rollout.Id}' (group '{rollout.Group}') is {rollout.Score}, and a score must be finite. ") +
                    "Mark the reward term that produced it as unscored, so that the rollout leaves its group.");
            }

            CheckTokens(rollout, rollout.TokenRewards, "token rewards");
            CheckTokens(rollout, rollout.Values, "values");
        }
    }

    private static void CheckTokens(RolloutScore rollout, double[]? values, string what)
    {
        if (values is not null && values.Length != rollout.Tokens)
        {
            throw new ArgumentException($"Rollout '{rollout.Id}' has {rollout.Tokens} tokens but {values.Length} {what}: give one per token.");
        }

        int bad = values is null ? -1 : Array.FindIndex(values, v => !double.IsFinite(v));
        if (bad >= 0)
        {
            throw new MedixException(string.Create(CultureInfo.InvariantCulture,
                $"Rollout '{rollout.Id}' has {values![bad]} among its {what}, at token {bad}, where a finite number is needed. ") +
                "Leave the rollout out of its group, and look for what produced the number.");
        }
    }
}
