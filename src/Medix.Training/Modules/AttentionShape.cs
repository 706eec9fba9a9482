namespace Medix.Training.Modules;

/// <summary>Heads of an attention: queries are [tokens, Heads·HeadDim], keys and values [tokens, KeyValueHeads·HeadDim].</summary>
internal sealed record AttentionShape(int Heads, int KeyValueHeads, int HeadDim)
{
    /// <summary>Query heads that share one key head.</summary>
    public int QueriesPerKey => Heads / KeyValueHeads;

    /// <summary>1/√HeadDim.</summary>
    public float Scale { get; } = (float)(1.0 / Math.Sqrt(HeadDim));
}
