using Medix.Text;

namespace Medix.Training.Qwen3VL;

/// <summary>
/// A prompt and the responses drawn for it (a GRPO group), each [L] with L ≥ 1 and the end token included where there was one. The prompt and its images
/// are computed once for all of them.
/// </summary>
public sealed record TrainingGroup(ModelInput Prompt, IReadOnlyList<int[]> Responses);

/// <summary>Groups that are evaluated in one pass.</summary>
public sealed record TrainingBatch(IReadOnlyList<TrainingGroup> Groups)
{
    /// <summary>Tokens of all responses.</summary>
    public int ResponseTokens => Groups.Sum(group => group.Responses.Sum(response => response.Length));
}
