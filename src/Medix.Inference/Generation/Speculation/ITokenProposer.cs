using Medix.Inference.Qwen3VL;
using Medix.Text;

namespace Medix.Inference.Generation.Speculation;

/// <summary>The text that is about to be written: by which model, from which prompt, how tokens are drawn and from which seed.</summary>
public sealed record ProposalContext(Qwen3VLModel Model, ModelInput Input, SamplingOptions Options, ulong Seed);

/// <summary>
/// Guesses the next tokens of one text at a time. A guess costs time where it fails and never changes what is written: the model itself accepts or replaces every
/// token. How much a proposer guesses is its own decision; it must depend on the text alone, not on time, so that a seed gives the same text again.
/// </summary>
public interface ITokenProposer
{
    /// <summary>Tokens of one guess at most, 1 to <see cref="SpeculativeGenerator.MostTokens"/>.</summary>
    int MostTokens { get; }

    /// <summary>Begins a text and forgets the one before.</summary>
    void Begin(ProposalContext context);

    /// <summary>
    /// Adds guesses of what follows <paramref name="text"/>, prompt and completion so far, to <paramref name="proposal"/>; none is a guess too. Between two calls the
    /// text has only grown.
    /// </summary>
    void Propose(ReadOnlySpan<int> text, Proposal proposal);

    /// <summary>Gives back what the text needed; also after an exception, also without a beginning.</summary>
    void End();
}
