using Medix.Text;

namespace Medix.Inference.Generation;

/// <summary>
/// One prompt and the seeds of its draws: one independent completion per seed (a GRPO group). The prompt is computed once for all of them.
/// </summary>
public sealed record GenerationRequest(ModelInput Input, IReadOnlyList<ulong> DrawSeeds)
{
    /// <summary>How this request's tokens are drawn; null takes the options of the call. Requests of different options advance together.</summary>
    public SamplingOptions? Options { get; init; }
}

/// <summary>Why a completion ended.</summary>
public enum FinishReason
{
    /// <summary>An end-of-sequence token was drawn; it is the last token of the completion.</summary>
    Stop,

    /// <summary>The token limit was reached.</summary>
    Length,

    /// <summary>One of <see cref="SamplingOptions.StopStrings"/> came up; the token that completed it is the last one.</summary>
    StopString,
}

/// <summary>
/// One completion: <paramref name="Tokens"/> [L] including the end token when there is one, and <paramref name="LogProbs"/> [L], the
/// log-probability of each token at the sampling temperature over the whole vocabulary less the banned image placeholders: before constraint, bias,
/// penalties and filters. It is the policy's own probability, which training compares with the learner's.
/// </summary>
public sealed record Completion(int[] Tokens, float[] LogProbs, FinishReason FinishReason)
{
    /// <summary>
    /// [L] The log-probability of each token in the distribution it was really drawn from: after constraint, bias, penalties, temperature and filters.
    /// All 0 at temperature 0, where nothing is left to chance; <see cref="LogProbs"/> itself where no option changes the distribution.
    /// </summary>
    public float[] SampledLogProbs { get; init; } = LogProbs;

    /// <summary>
    /// [L] The log-probability of each token in the model's own distribution: temperature 1, the whole vocabulary, nothing changed. Null unless
    /// <see cref="SamplingOptions.WithRawLogProbs"/> asked for it.
    /// </summary>
    public float[]? RawLogProbs { get; init; }

    /// <summary>The stop string that ended the completion, if one did.</summary>
    public string? StopString { get; init; }

    /// <summary>With a stop string: how many UTF-8 bytes of the completion's text come before it. It can begin and end within a token.</summary>
    public int? TextBytes { get; init; }

    /// <summary>The text, without special tokens and up to the stop string; ill-formed bytes become U+FFFD.</summary>
    public string Text(TokenVocabulary vocabulary)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        return vocabulary.Text(Tokens, TextBytes ?? int.MaxValue);
    }
}
