using System.Runtime.ExceptionServices;
using Medix.Inference.Qwen3VL;

namespace Medix.Inference.Generation.Speculation;

/// <summary>
/// Several tokens of one draw by one pass: a proposer guesses what comes, the pass computes the draw's last token with the guesses behind it, and as many are taken as
/// are right, and the model's own token behind them. Draws may take turns. A step allocates nothing.
/// </summary>
internal sealed class SpeculativeStep
{
    private readonly SequencePass pass;
    private readonly Verifier verifier;
    private readonly Proposal proposal;
    private readonly int[] banned;

    /// <summary>Makes room for guesses of <paramref name="mostTokens"/> tokens in texts of <paramref name="mostPositions"/> positions.</summary>
    public SpeculativeStep(Qwen3VLModel model, Verifier verifier, int mostTokens, int mostPositions)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(mostTokens, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(mostTokens, SpeculativeGenerator.MostTokens);
        this.verifier = verifier;
        banned = BatchedGenerator.BannedTokens(model.Config);
        proposal = new Proposal(mostTokens, model.Config.Text.VocabularySize);
        pass = new SequencePass(model, mostTokens + 1, mostPositions);
    }

    /// <summary>Makes room for texts of <paramref name="mostPositions"/> positions.</summary>
    public void RequirePositions(int mostPositions) => pass.RequirePositions(mostPositions);

    /// <summary>Appends a token by logits [vocabulary] that came otherwise than from <see cref="Run"/>.</summary>
    public void Append(LiveDraw draw, Span<float> logits) => draw.Append(verifier.Decide(logits, draw.Sampling, proposal, proposal.Count));

    /// <summary>
    /// A guess that can come true: as long as the completion may become beside the model's own token, without placeholders, and with nothing behind an end token.
    /// Returns its length.
    /// </summary>
    public int Guess(ITokenProposer proposer, DrawText text)
    {
        SamplingState sampling = text.Draw.Sampling;
        proposal.Reset(Math.Min(pass.MostRows, sampling.Options.MaxNewTokens - text.Draw.Count) - 1);
        if (proposal.Room == 0)
        {
            return 0;
        }

        proposer.Propose(text.Tokens, proposal);
        for (int i = 0; i < proposal.Count; i++)
        {
            if (Array.IndexOf(banned, proposal.Tokens[i]) >= 0)
            {
                proposal.Cut(i);
            }
            else if (sampling.EndTokens.Contains(proposal.Tokens[i]))
            {
                proposal.Cut(i + 1);
            }
        }

        return proposal.Count;
    }

    /// <summary>
    /// Appends the last guess's tokens to its draw up to the first wrong one, and the model's own token behind them, unless the draw ends before; returns how many guesses
    /// were right. Where a token cannot be drawn, the fault is left with the draw behind those that could. What was computed for wrong guesses is forgotten.
    /// </summary>
    public int Run(LiveDraw draw)
    {
        Span<int> rows = stackalloc int[SpeculativeGenerator.MostTokens + 1];
        rows[0] = draw.LastToken;
        proposal.Tokens.CopyTo(rows[1..]);
        int kept = draw.Sequence.Length + 1;
        pass.Run(draw.Sequence, rows[..(proposal.Count + 1)], draw.Prompt.NextPosition + draw.Count - 1);
        int accepted = Accept(draw);
        draw.Sequence.Truncate(kept + accepted);
        return accepted;
    }

    private int Accept(LiveDraw draw)
    {
        int row = 0;
        while (true)
        {
            try
            {
                draw.Append(verifier.Decide(pass.Logits(row), draw.Sampling, proposal, row));
            }
#pragma warning disable CA1031 // Whatever a draw's constraint or logits throw is that draw's.
            catch (Exception e)
#pragma warning restore CA1031
            {
                draw.Fault = ExceptionDispatchInfo.Capture(e);
                return row;
            }

            bool right = row < proposal.Count && draw.LastToken == proposal.Tokens[row];
            if (!right || draw.Finish is not null)
            {
                return right ? row + 1 : row;
            }

            row++;
        }
    }
}
