using Medix.Text;

namespace Medix.Inference.Generation;

/// <summary>How tokens are drawn. Temperature 0 is greedy; <paramref name="TopP"/> 1 and <paramref name="TopK"/> 0 keep the whole vocabulary.</summary>
public sealed record SamplingOptions(int MaxNewTokens, float Temperature = 1f, float TopP = 1f, int TopK = 0);

/// <summary>
/// One prompt and the seeds of its draws: one independent completion per seed (a GRPO group). The prompt is computed once for all of them.
/// </summary>
public sealed record GenerationRequest(ModelInput Input, IReadOnlyList<ulong> DrawSeeds);

/// <summary>Why a completion ended.</summary>
public enum FinishReason
{
    /// <summary>An end-of-sequence token was drawn; it is the last token of the completion.</summary>
    Stop,

    /// <summary>The token limit was reached.</summary>
    Length,
}

/// <summary>
/// One completion: <paramref name="Tokens"/> [L] including the end token when there is one, and <paramref name="LogProbs"/> [L], the
/// log-probability of each token at the sampling temperature over the whole vocabulary less the banned image placeholders, before top-p and top-k.
/// </summary>
public sealed record Completion(int[] Tokens, float[] LogProbs, FinishReason FinishReason);
