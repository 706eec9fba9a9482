using Medix.Inference.Qwen3VL;
using Medix.Text;

namespace Medix.Inference.Generation.Speculation;

/// <summary>One text on its way: the prompt and the first token at the beginning, then at least one token per pass.</summary>
internal sealed class SpeculativeSession : IDisposable
{
    private readonly ITokenProposer proposer;
    private readonly SpeculativeStep step;
    private readonly DrawText text;
    private bool released;

    public SpeculativeSession(ProposalContext context, ITokenProposer proposer, TokenVocabulary? vocabulary)
    {
        (Qwen3VLModel model, ModelInput input, SamplingOptions options, ulong seed) = context;
        this.proposer = proposer;
        int size = model.Config.Text.VocabularySize;
        int[] banned = BatchedGenerator.BannedTokens(model.Config);
        Verifier verifier = new(new TokenSampler(size, banned), Distribution.Covers(options) ? new Distribution(size, banned, options) : null, size);
        step = new SpeculativeStep(model, verifier, proposer.MostTokens, input.Tokens.Length + options.MaxNewTokens);
        using PreparedPrompts prepared = model.Prepare([input], null);
        LivePrompt live = new(prepared.Prompts[0], 0, 1);
        Draw = new LiveDraw(live, 0, new SamplingState(options, seed, input.Tokens, vocabulary, model.Config.EosTokenIds));
        text = new DrawText(Draw);
        try
        {
            proposer.Begin(context);
            model.ComputePrompts(prepared, (_, _, logits) => step.Append(Draw, logits));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public LiveDraw Draw { get; }

    public SpeculationStatistics Statistics { get; private set; }

    /// <summary>One pass; false when the text is finished.</summary>
    public bool Advance()
    {
        if (Draw.Finish is not null)
        {
            return false;
        }

        int before = Draw.Count, guessed = step.Guess(proposer, text), accepted = step.Run(Draw);
        Draw.Fault?.Throw();
        Statistics = new(
            Statistics.Passes + 1, Statistics.Tokens + Draw.Count - before, Statistics.Proposed + guessed, Statistics.Accepted + accepted);
        return true;
    }

    /// <summary>The completion, once finished.</summary>
    public SpeculativeCompletion Complete()
    {
        released = true;
        return new SpeculativeCompletion(Draw.Complete(), Statistics);
    }

    /// <summary>Gives the keys and values back.</summary>
    public void Dispose()
    {
        proposer.End();
        if (!released)
        {
            released = true;
            Draw.GiveBack();
        }
    }
}
