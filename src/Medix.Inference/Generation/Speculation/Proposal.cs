namespace Medix.Inference.Generation.Speculation;

/// <summary>
/// Guessed tokens in their order. A token that was drawn from a distribution comes with it, so that the model's own can be kept exactly
/// (<see cref="Verifier"/>); one without is a guess that did not depend on chance.
/// </summary>
public sealed class Proposal
{
    private readonly int vocabulary;
    private readonly int[] tokens;
    private readonly bool[] drawn;
    private readonly float[]?[] probabilities;

    internal Proposal(int capacity, int vocabulary)
    {
        this.vocabulary = vocabulary;
        tokens = new int[capacity];
        drawn = new bool[capacity];
        probabilities = new float[capacity][];
    }

    /// <summary>Tokens wanted at most; less than usual near the end of the completion.</summary>
    public int Room { get; private set; }

    /// <summary>Tokens so far.</summary>
    public int Count { get; private set; }

    /// <summary>The tokens.</summary>
    public ReadOnlySpan<int> Tokens => tokens.AsSpan(0, Count);

    /// <summary>Adds a token that did not depend on chance.</summary>
    public void Add(int token)
    {
        if (Count == Room || (uint)token >= (uint)vocabulary)
        {
            throw new InvalidOperationException($"Token {token} cannot be proposed: {Count} of {Room} places are taken, and the vocabulary has {vocabulary} tokens.");
        }

        drawn[Count] = false;
        tokens[Count++] = token;
    }

    /// <summary>Adds a token that was drawn from <paramref name="distribution"/> [vocabulary], independently of the generator's own chance.</summary>
    public void Add(int token, ReadOnlySpan<float> distribution)
    {
        Add(token);
        float[] kept = probabilities[Count - 1] ??= new float[vocabulary];
        distribution.CopyTo(kept);
        drawn[Count - 1] = true;
    }

    /// <summary>The distribution that a token was drawn from; empty where it was not left to chance.</summary>
    internal ReadOnlySpan<float> Distribution(int index) => drawn[index] ? probabilities[index] : [];

    /// <summary>Begins a guess of at most so many tokens.</summary>
    internal void Reset(int room)
    {
        Room = room;
        Count = 0;
    }

    /// <summary>Keeps the first tokens only.</summary>
    internal void Cut(int count) => Count = Math.Min(Count, count);
}
