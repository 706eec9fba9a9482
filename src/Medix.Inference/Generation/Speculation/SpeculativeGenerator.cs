using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Text;

namespace Medix.Inference.Generation.Speculation;

/// <summary>
/// Draws one completion at a time, several tokens per pass of the model where they were guessed rightly (speculative decoding: Leviathan et al., arXiv 2211.17192;
/// Chen et al., arXiv 2302.01318). Passes of one stream wait for the weights to be read from memory; some more rows cost little. The distribution of completions is
/// that of <see cref="BatchedGenerator"/>. Greedy completions, and all whose guesses do not depend on chance (<see cref="PromptLookup"/>), are the same as its
/// completion of the same seed, tokens and log-probabilities; with guesses drawn by a <see cref="DraftModel"/> at a temperature they are another draw.
/// </summary>
/// <param name="model">The model; its weights may be updated between calls.</param>
/// <param name="proposer">Guesses the next tokens; one generator's own.</param>
/// <param name="vocabulary">The tokens' texts, which stop strings and constraints are about; may be left out where no options hold any.</param>
public sealed class SpeculativeGenerator(Qwen3VLModel model, ITokenProposer proposer, TokenVocabulary? vocabulary = null)
{
    /// <summary>Tokens that a proposer may guess at once.</summary>
    public const int MostTokens = 32;

    /// <summary>
    /// One completion. Throws <see cref="MedixException"/> when an option or the input cannot be used, and <see cref="OperationCanceledException"/>, with nothing half
    /// done, when cancelled.
    /// </summary>
    public SpeculativeCompletion Generate(
        ModelInput input,
        SamplingOptions options,
        ulong seed,
        IProgress<GenerationProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(options);
        SamplingRules.Require(options, model.Config, input.Tokens.Length, vocabulary);
        using SpeculativeSession session = new(new ProposalContext(model, input, options, seed), proposer, vocabulary);
        do
        {
            progress?.Report(new GenerationProgress(session.Draw.Count, session.Draw.Finish is null ? 0 : 1, 1));
            cancellationToken.ThrowIfCancellationRequested();
        }
        while (session.Advance());
        return session.Complete();
    }
}
