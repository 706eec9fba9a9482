namespace Medix.Inference.Generation.Speculation;

/// <summary>
/// What guessing brought: <paramref name="Passes"/> of the model after the prompt's, the <paramref name="Tokens"/> they gave, and of the tokens
/// <paramref name="Proposed"/> those <paramref name="Accepted"/>.
/// </summary>
public readonly record struct SpeculationStatistics(long Passes, long Tokens, long Proposed, long Accepted)
{
    /// <summary>Tokens of a pass in the mean: 1 without guesses; 0 where there was no pass.</summary>
    public double TokensPerPass => Passes == 0 ? 0 : (double)Tokens / Passes;

    /// <summary>The share of proposed tokens that were accepted; those behind a wrong one count as wrong. 0 where none was proposed.</summary>
    public double AcceptanceRate => Proposed == 0 ? 0 : (double)Accepted / Proposed;
}

/// <summary>A completion and what guessing brought to it.</summary>
public sealed record SpeculativeCompletion(Completion Completion, SpeculationStatistics Statistics);
