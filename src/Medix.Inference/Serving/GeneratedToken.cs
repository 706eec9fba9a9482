using Medix.Inference.Generation;

namespace Medix.Inference.Serving;

/// <summary>One token of a completion as soon as it is drawn; the log-probabilities are those that <see cref="Completion"/> names.</summary>
/// <param name="Id">The token.</param>
/// <param name="LogProb">Its log-probability as in <see cref="Completion.LogProbs"/>.</param>
/// <param name="FinishReason">Why the completion ends with this token; null where it goes on.</param>
public readonly record struct GeneratedToken(int Id, float LogProb, FinishReason? FinishReason)
{
    /// <summary>As in <see cref="Completion.SampledLogProbs"/>.</summary>
    public float SampledLogProb { get; init; }

    /// <summary>As in <see cref="Completion.RawLogProbs"/>; NaN unless asked for.</summary>
    public float RawLogProb { get; init; }

    /// <summary>
    /// With stop strings: how many UTF-8 bytes of the text so far are part of it for certain. The bytes after them may turn out to begin a stop string; they should
    /// not be shown yet. Null without stop strings: everything is.
    /// </summary>
    public int? TextBytes { get; init; }
}
