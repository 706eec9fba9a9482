namespace Medix.Inference.Generation.Constraints;

/// <summary>A set of texts that a completion must come from, compiled once and shared by any number of draws.</summary>
public abstract class OutputConstraint
{
    private protected OutputConstraint() { }

    /// <summary>A draw's place in the set, before its first token.</summary>
    internal abstract ConstraintState Start(TokenVocabulary vocabulary);
}

/// <summary>How far one draw has come within its constraint.</summary>
internal abstract class ConstraintState
{
    /// <summary>Whether the text so far is complete.</summary>
    public abstract bool Accepting { get; }

    /// <summary>One bit per token id, 64 to a word: the tokens after which the text can still be completed. Ids beyond its end are not among them.</summary>
    public abstract ReadOnlySpan<ulong> Allowed { get; }

    /// <summary>Takes a token's visible bytes.</summary>
    public abstract void Accept(int token);

    /// <summary>What is expected next, for a message.</summary>
    public abstract string Expectation { get; }
}
