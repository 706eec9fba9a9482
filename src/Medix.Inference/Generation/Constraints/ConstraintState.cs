namespace Medix.Inference.Generation.Constraints;

/// <summary>How far one draw has come within its constraint.</summary>
internal sealed class ConstraintState(Automaton automaton, TokenVocabulary vocabulary)
{
    private AutomatonState state = automaton.Start;

    /// <summary>Whether the text so far is complete.</summary>
    public bool Accepting => state.Accepting;

    /// <summary>One bit per token id, 64 to a word: the tokens after which the text can still be completed. Ids beyond its end are not among them.</summary>
    public ReadOnlySpan<ulong> Allowed => automaton.Allowed(state);

    /// <summary>What can come next, for a message.</summary>
    public string Expectation => automaton.Describe(state);

    /// <summary>Takes an allowed token's visible bytes.</summary>
    public void Accept(int token)
    {
        foreach (byte value in vocabulary[token])
        {
            state = automaton.Step(state, value);
        }

        if (state.IsDead)
        {
            throw new InvalidOperationException($"Token {token} does not fit the constraint, which had not allowed it.");
        }
    }
}
