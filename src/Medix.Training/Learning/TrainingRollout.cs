using Medix.Training.Rollouts;

namespace Medix.Training.Learning;

/// <summary>
/// One response ready for the update. Rollouts of one <paramref name="Group"/> share their prompt, which is computed once;
/// <paramref name="Advantages"/> [L] has one value per response token.
/// </summary>
public sealed record TrainingRollout(int Group, PreparedSample Prompt, Rollout Rollout, double[] Advantages);
