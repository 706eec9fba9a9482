using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Runs;

namespace Medix.Inference.Generation.Speculation;

/// <summary>A draft model's side of one text: its keys and values, and the completion's tokens that they are of.</summary>
internal sealed class DraftText : IDisposable
{
    /// <summary>Where guesses do not pay, one is tried every so many passes.</summary>
    private const int PassesBetweenTrials = 16;

    private readonly Prompt prompt;
    private readonly KvSequence own;
    private readonly SequencePass pass;
    private readonly GuessRates rates;
    private readonly Distribution? distribution;
    private readonly SeededRandom random;
    private readonly int[] banned;
    private readonly int[] read;
    private readonly GuessCost cost;
    private int pause;

    public DraftText(Qwen3VLModel draft, ProposalContext context, int mostTokens, GuessCost cost)
    {
        this.cost = cost;
        rates = new GuessRates(1, mostTokens);
        random = Seed.Random(context.Seed, Seed.Of("draft"));
        banned = BatchedGenerator.BannedTokens(context.Model.Config);
        distribution = Distribution.Covers(context.Options) ? new Distribution(draft.Config.Text.VocabularySize, banned, context.Options) : null;
        read = new int[context.Options.MaxNewTokens];
        using PreparedPrompts prepared = draft.Prepare([context.Input], null);
        prompt = prepared.Prompts[0];
        own = new KvSequence(draft.Decoder.Pages, prompt.Sequence, read.Length);
        try
        {
            draft.ComputePrompts(prepared, (_, _, _) => { });
            pass = new SequencePass(draft, mostTokens + 1, prompt.Tokens.Length + read.Length);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Writes ahead of <paramref name="text"/>.</summary>
    public void Propose(ReadOnlySpan<int> text, Proposal proposal)
    {
        rates.Learn(text);
        int count = rates.BestLength(0, cost, proposal.Room);
        if (count == 0 && pause++ < PassesBetweenTrials)
        {
            return;
        }

        pause = 0;
        Span<float> logits = CatchUp(text[prompt.Tokens.Length..]);
        Add(logits, proposal);
        while (proposal.Count < count)
        {
            logits = Read(proposal.Tokens[^1..]);
            Add(logits, proposal);
        }

        rates.Remember(proposal.Tokens, text.Length, 0);
    }

    /// <summary>Gives the keys and values back.</summary>
    public void Dispose()
    {
        own.Clear();
        prompt.Sequence.Clear();
    }

    /// <summary>Forgets what was written ahead and is not in the completion, and reads what is new in it.</summary>
    private Span<float> CatchUp(ReadOnlySpan<int> completion)
    {
        int same = completion[..^1].CommonPrefixLength(read.AsSpan(0, own.Length));
        own.Truncate(same);
        for (; completion.Length - same > pass.MostRows; same += pass.MostRows)
        {
            Read(completion.Slice(same, pass.MostRows));
        }

        return Read(completion[same..]);
    }

    /// <summary>Reads tokens; the last one's logits.</summary>
    private Span<float> Read(ReadOnlySpan<int> tokens)
    {
        tokens.CopyTo(read.AsSpan(own.Length));
        pass.Run(own, tokens, prompt.Tokens.Length + prompt.Positions.Delta + own.Length, tokens.Length - 1);
        return pass.Logits(tokens.Length - 1);
    }

    private void Add(Span<float> logits, Proposal proposal)
    {
        if (distribution is not null)
        {
            distribution.Fill(logits);
            proposal.Add(distribution.Draw(random), distribution.Probabilities);
            return;
        }

        foreach (int id in banned)
        {
            logits[id] = float.NegativeInfinity;
        }

        proposal.Add(System.Numerics.Tensors.TensorPrimitives.IndexOfMax(logits));
    }
}
