using System.Collections.ObjectModel;
using Medix.Inference.Generation.Constraints;

namespace Medix.Inference.Generation;

/// <summary>
/// How tokens are drawn. Temperature 0 is greedy; <paramref name="TopP"/> 1 and <paramref name="TopK"/> 0 keep the whole vocabulary.
/// The order of operations is: banned image placeholders and <see cref="Constraint"/>, <see cref="LogitBias"/>, <see cref="RepetitionPenalty"/>,
/// <see cref="FrequencyPenalty"/> and <see cref="PresencePenalty"/> (so far as vLLM), temperature, top-k, top-p of what is left, min-p (as transformers).
/// </summary>
/// <param name="MaxNewTokens">The most tokens of a completion, at least 1.</param>
/// <param name="Temperature">Divides the logits: 0 (greedy) or more.</param>
/// <param name="TopP">The share of probability that is kept, above 0 and at most 1 (off).</param>
/// <param name="TopK">How many of the likeliest tokens are kept; 0 is off.</param>
public sealed record SamplingOptions(int MaxNewTokens, float Temperature = 1f, float TopP = 1f, int TopK = 0)
{
    /// <summary>Drops tokens less likely than this share of the likeliest one (arXiv 2407.01082): 0 (off) to 1.</summary>
    public float MinP { get; init; }

    /// <summary>
    /// Divides the positive and multiplies the negative logits of tokens in the prompt and in the completion so far (CTRL, arXiv 1909.05858, as transformers
    /// has it): above 0; 1 is off, more discourages repetition.
    /// </summary>
    public float RepetitionPenalty { get; init; } = 1f;

    /// <summary>Taken from the logit of every token that the completion already holds, the prompt not counted (OpenAI's definition): -2 to 2, 0 is off.</summary>
    public float PresencePenalty { get; init; }

    /// <summary>
    /// Taken from a token's logit once for each time that the completion already holds it, the prompt not counted (OpenAI's definition): -2 to 2, 0 is off.
    /// </summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>Added to the logits of token ids: -100 to 100 each.</summary>
    public IReadOnlyDictionary<int, float> LogitBias { get; init; } = ReadOnlyDictionary<int, float>.Empty;

    /// <summary>
    /// Texts that end a completion, found in the UTF-8 bytes of its visible text wherever they begin and end: the match that ends first counts, of several
    /// the longest. At most 64 of 1 to 1024 bytes.
    /// </summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>What the visible text must be; end tokens can be drawn only where it is complete. Null allows anything.</summary>
    public OutputConstraint? Constraint { get; init; }

    /// <summary>Whether to compute <see cref="Completion.RawLogProbs"/>, which takes another pass over the vocabulary per token.</summary>
    public bool WithRawLogProbs { get; init; }

    /// <summary>Whether tokens are drawn from the model's logits as they are, but for temperature and filters.</summary>
    internal bool KeepsLogits => Constraint is null && LogitBias.Count == 0 && !CountsTokens;

    /// <summary>Whether earlier tokens matter to later ones.</summary>
    internal bool CountsTokens => RepetitionPenalty != 1 || PresencePenalty != 0 || FrequencyPenalty != 0;
}
