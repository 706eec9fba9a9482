namespace Medix.Inference.Generation.Constraints;

/// <summary>Where a rule returns to. Equal stacks are the same object; <paramref name="id"/> is its own.</summary>
internal sealed class ReturnStack(ReturnStack? below, int node, int nesting, long id)
{
    public ReturnStack? Below => below;

    /// <summary>The node to go on with.</summary>
    public int Node => node;

    /// <summary>Levels of nesting up to here.</summary>
    public int Nesting => nesting;

    public long Id => id;
}

/// <summary>A reading node that the automaton may be at, and where its rule returns to.</summary>
internal readonly record struct Place(int Node, ReturnStack? Stack);

/// <summary>All the places that a text may have led to. Transitions and the mask of tokens are computed when first asked for.</summary>
internal sealed class AutomatonState(Place[] places, bool accepting, int classes)
{
    /// <summary>The allowed tokens; null where not computed yet. A field, since it is read and written as volatile.</summary>
    public ulong[]? Mask;

    public ReadOnlySpan<Place> Places => places;

    /// <summary>Whether the text is complete here.</summary>
    public bool Accepting => accepting;

    /// <summary>No text can be completed from here.</summary>
    public bool IsDead => places.Length == 0 && !accepting;

    /// <summary>[classes] The state after a byte of each class; null where not computed yet.</summary>
    public AutomatonState?[] Next { get; } = new AutomatonState?[classes];

}
