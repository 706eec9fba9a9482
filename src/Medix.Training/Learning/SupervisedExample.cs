using Medix.Training.Rollouts;

namespace Medix.Training.Learning;

/// <summary>A prompt and the response to imitate, end token included.</summary>
public sealed record SupervisedExample(PreparedSample Prompt, int[] Response);
