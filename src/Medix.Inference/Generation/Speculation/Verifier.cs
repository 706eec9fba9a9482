namespace Medix.Inference.Generation.Speculation;

/// <summary>
/// Decides about one guessed token after the other, so that what is written has the model's own distribution. A guess that did not depend on chance is compared with
/// what the model draws anyway: that is speculative sampling for a certain proposal (accepted with probability p, replaced by p without it), and it leaves the
/// text the same as without guesses, token by token. A token x drawn from q is accepted with probability min(1, p(x)/q(x)) and otherwise replaced from (p − q)⁺
/// (Leviathan et al., arXiv 2211.17192; Chen et al., arXiv 2302.01318); p is the filtered distribution where options filter it. Where options change logits by the
/// tokens before, drawn guesses are compared too: always right, at some loss of acceptance.
/// </summary>
internal sealed class Verifier(TokenSampler sampler, Distribution? distribution, int vocabulary)
{
    private readonly float[] left = new float[distribution is null ? 0 : vocabulary];

    /// <summary>The text's next token by its logits [vocabulary], which may be overwritten; the guess at <paramref name="index"/> was right if it is that token.</summary>
    public SampledToken Decide(Span<float> logits, SamplingState state, Proposal proposal, int index)
    {
        ReadOnlySpan<float> drawnFrom = index < proposal.Count ? proposal.Distribution(index) : [];
        return distribution is null || drawnFrom.IsEmpty
            ? sampler.Sample(logits, state)
            : Reject(logits, state, proposal.Tokens[index], drawnFrom);
    }

    private SampledToken Reject(Span<float> logits, SamplingState state, int token, ReadOnlySpan<float> q)
    {
        distribution!.Fill(logits);
        if (state.Random.NextDouble() * q[token] < distribution.Probabilities[token])
        {
            return distribution.Token(token, logits);
        }

        q.CopyTo(left);
        return distribution.Token(distribution.DrawBeyond(left, state.Random), logits);
    }
}
