using Medix.Inference.Qwen3VL;

namespace Medix.Inference.Generation.Speculation;

/// <summary>One text on its way: the prompt and the first token at the beginning, then at least one token per pass.</summary>
internal sealed class SpeculativeSession : IDisposable
{
    private readonly ITokenProposer proposer;
    private readonly Proposal proposal;
    private readonly Verifier verifier;
    private readonly SequencePass pass;
    private readonly int[] banned;
    private readonly int[] text;
    private int length;
    private bool released;

    public SpeculativeSession(ProposalContext context, ITokenProposer proposer, TokenVocabulary? vocabulary)
    {
        (Qwen3VLModel model, SamplingOptions options) = (context.Model, context.Options);
        this.proposer = proposer;
        banned = BannedTokens(model);
        int size = model.Config.Text.VocabularySize;
        ArgumentOutOfRangeException.ThrowIfLessThan(proposer.MostTokens, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(proposer.MostTokens, SpeculativeGenerator.MostTokens);
        proposal = new Proposal(proposer.MostTokens, size);
        verifier = new Verifier(new TokenSampler(size, banned), Distribution.Covers(options) ? new Distribution(size, banned, options) : null, size);
        int[] prompt = context.Input.Tokens;
        text = [.. prompt, .. new int[options.MaxNewTokens]];
        length = prompt.Length;
        using PreparedPrompts prepared = model.Prepare([context.Input], null);
        LivePrompt live = new(prepared.Prompts[0], 0, 1);
        Draw = new LiveDraw(live, 0, new SamplingState(options, context.Seed, prompt, vocabulary, model.Config.EosTokenIds));
        try
        {
            proposer.Begin(context);
            model.ComputePrompts(prepared, (_, _, logits) => Append(verifier.Decide(logits, Draw.Sampling, proposal, 0)));
            pass = new SequencePass(model, proposer.MostTokens + 1, text.Length);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public LiveDraw Draw { get; }

    public SpeculationStatistics Statistics { get; private set; }

    /// <summary>Image placeholders, which a model reads but never writes.</summary>
    public static int[] BannedTokens(Qwen3VLModel model) => model.Config.Vision is null
        ? []
        : [.. new[] { model.Config.ImageTokenId, model.Config.VideoTokenId }.Where(id => id >= 0 && id < model.Config.Text.VocabularySize)];

    /// <summary>One pass; false when the text is finished.</summary>
    public bool Advance()
    {
        if (Draw.Finish is not null)
        {
            return false;
        }

        Guess();
        Span<int> rows = stackalloc int[SpeculativeGenerator.MostTokens + 1];
        rows[0] = Draw.LastToken;
        proposal.Tokens.CopyTo(rows[1..]);
        (int before, int kept) = (Draw.Count, Draw.Sequence.Length + 1);
        pass.Run(Draw.Sequence, rows[..(proposal.Count + 1)], Draw.Prompt.NextPosition + before - 1);
        int accepted = Accept();
        Draw.Sequence.Truncate(kept + accepted);
        Statistics = new(
            Statistics.Passes + 1, Statistics.Tokens + Draw.Count - before, Statistics.Proposed + proposal.Count, Statistics.Accepted + accepted);
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

    /// <summary>A guess that can come true: as long as the completion may become, without placeholders, and with nothing behind an end token.</summary>
    private void Guess()
    {
        proposal.Reset(Math.Min(proposer.MostTokens, text.Length - length - 1));
        if (proposal.Room == 0)
        {
            return;
        }

        proposer.Propose(text.AsSpan(0, length), proposal);
        for (int i = 0; i < proposal.Count; i++)
        {
            if (Array.IndexOf(banned, proposal.Tokens[i]) >= 0)
            {
                proposal.Cut(i);
            }
            else if (Draw.Sampling.EndTokens.Contains(proposal.Tokens[i]))
            {
                proposal.Cut(i + 1);
            }
        }
    }

    /// <summary>Appends guessed tokens up to the first wrong one, and the model's own token behind them; returns how many guesses were right.</summary>
    private int Accept()
    {
        int row = 0;
        while (true)
        {
            Append(verifier.Decide(pass.Logits(row), Draw.Sampling, proposal, row));
            bool right = row < proposal.Count && Draw.LastToken == proposal.Tokens[row];
            if (!right || Draw.Finish is not null)
            {
                return right ? row + 1 : row;
            }

            row++;
        }
    }

    private void Append(SampledToken token)
    {
        Draw.Append(token);
        text[length++] = token.Id;
    }
}
