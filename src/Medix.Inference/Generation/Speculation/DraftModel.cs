using Medix.Inference.Qwen3VL;
using Medix.Runs;

namespace Medix.Inference.Generation.Speculation;

/// <summary>How a <see cref="DraftModel"/> guesses.</summary>
/// <param name="MostTokens">Tokens of a guess at most, 1 to <see cref="SpeculativeGenerator.MostTokens"/>.</param>
/// <param name="Cost">What checking guesses costs the large model; null takes <see cref="GuessCost.Default"/>.</param>
/// <param name="DraftCost">A pass of the small model as a share of one of the large one, 0 to 1; null takes the ratio of the bytes that they read.</param>
public sealed record DraftModelOptions(int MostTokens = 8, GuessCost? Cost = null, double? DraftCost = null);

/// <summary>
/// A smaller model of the same vocabulary writes ahead what the larger one then checks (arXiv 2211.17192, 2302.01318). It draws from its own distribution at the same
/// temperature and filters, greedily where the larger one does, and keeps its own keys and values in step. It reads the images too, so it has to be of the same family
/// where there are any. How far it writes ahead follows how often it was right; where that does not pay, it only tries one token now and then.
/// </summary>
public sealed class DraftModel : ITokenProposer, IDisposable
{
    private readonly Qwen3VLModel draft;
    private readonly DraftModelOptions options;
    private DraftText? text;

    /// <summary>
    /// Guesses with <paramref name="draft"/>, which the caller disposes after its last use. Throws <see cref="MedixException"/> where an option is out of its range.
    /// </summary>
    public DraftModel(Qwen3VLModel draft, DraftModelOptions? options = null)
    {
        this.draft = draft;
        this.options = options ?? new DraftModelOptions();
        if (this.options is not { MostTokens: >= 1 and <= SpeculativeGenerator.MostTokens, DraftCost: null or (>= 0 and <= 1) } || this.options.Cost is { IsSound: false })
        {
            throw new MedixException(
                $"{this.options} cannot be used: expected MostTokens from 1 to {SpeculativeGenerator.MostTokens}, DraftCost from 0 to 1 and costs from 0 to 10.");
        }
    }

    /// <inheritdoc />
    public int MostTokens => options.MostTokens;

    /// <inheritdoc />
    public void Begin(ProposalContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        End();
        (int own, int wanted) = (draft.Config.Text.VocabularySize, context.Model.Config.Text.VocabularySize);
        if (own != wanted)
        {
            throw new MedixException($"The draft model has {own} tokens and the model {wanted}: expected the same vocabulary. Use a smaller model of the same family.");
        }

        SamplingRules.Require(context.Options with { StopStrings = [], Constraint = null }, draft.Config, context.Input.Tokens.Length, null);
        double ratio = options.DraftCost ?? Math.Min(1, (double)draft.BytesPerToken / context.Model.BytesPerToken);
        GuessCost check = options.Cost ?? GuessCost.Default;
        text = new DraftText(draft, context, options.MostTokens, new GuessCost(check.First + ratio, check.Further + ratio));
    }

    /// <inheritdoc />
    public void Propose(ReadOnlySpan<int> text, Proposal proposal)
    {
        ArgumentNullException.ThrowIfNull(proposal);
        (this.text ?? throw new InvalidOperationException("Propose before Begin.")).Propose(text, proposal);
    }

    /// <inheritdoc />
    public void End()
    {
        text?.Dispose();
        text = null;
    }

    /// <summary>The same as <see cref="End"/>; the model itself is the caller's.</summary>
    public void Dispose() => End();
}
