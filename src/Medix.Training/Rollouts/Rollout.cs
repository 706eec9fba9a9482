using Medix.Data;
using Medix.Inference.Generation;
using Medix.Rewards;
using Medix.Text;

namespace Medix.Training.Rollouts;

/// <summary>A sample and what the model reads of it.</summary>
public sealed record PreparedSample(Sample Sample, ModelInput Input);

/// <summary>
/// One response of the policy. <paramref name="Tokens"/> [L] includes the end token where there is one; <paramref name="LogProbs"/> [L] are the sampler's;
/// <paramref name="PolicyVersion"/> is the number of updates the weights had seen.
/// </summary>
public sealed record Rollout(string SampleId, int Draw, int[] Tokens, float[] LogProbs, string Text, FinishReason FinishReason, int PolicyVersion);

/// <summary>A response with its reward.</summary>
public sealed record ScoredRollout(Rollout Rollout, RewardReport Reward);

/// <summary>One prompt and the responses drawn for it.</summary>
public sealed record RolloutGroup(PreparedSample Prompt, IReadOnlyList<Rollout> Rollouts);

/// <summary>One prompt and its scored responses.</summary>
public sealed record ScoredGroup(PreparedSample Prompt, IReadOnlyList<ScoredRollout> Rollouts);

/// <summary>How a batch of responses is drawn. Draw d of sample s uses the seed derived from (<paramref name="Seed"/>, s, d).</summary>
public sealed record RolloutOptions(int Draws, int MaxNewTokens, double Temperature, ulong Seed);

/// <summary>Draws responses of the current policy.</summary>
public interface IPolicyEngine
{
    /// <summary>Draws <see cref="RolloutOptions.Draws"/> responses for each prompt, in the prompts' order.</summary>
    IReadOnlyList<RolloutGroup> Collect(IReadOnlyList<PreparedSample> prompts, RolloutOptions options, CancellationToken cancellationToken);
}
