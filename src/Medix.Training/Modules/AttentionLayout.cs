namespace Medix.Training.Modules;

/// <summary>
/// Consecutive rows of a flat token matrix that attend to each other, after all rows of an earlier prefix (empty when
/// <paramref name="PrefixLength"/> is 0): a response behind its prompt.
/// </summary>
internal readonly record struct AttentionSegment(int Start, int Length, int PrefixStart, int PrefixLength);

/// <summary>Consecutive segments whose keys overlap: a prompt and the responses to it. Different groups never see each other.</summary>
internal readonly record struct SegmentGroup(int First, int Count);

/// <summary>
/// Who attends to whom on a flat token matrix without padding. With <paramref name="Causal"/> a row sees the prefix and its own segment up to itself,
/// else its whole segment. Segments cover all rows in order.
/// </summary>
internal sealed record AttentionLayout(IReadOnlyList<AttentionSegment> Segments, IReadOnlyList<SegmentGroup> Groups, bool Causal)
{
    /// <summary>Independent sequences one after another.</summary>
    public static AttentionLayout OfLengths(IEnumerable<int> lengths, bool causal)
    {
        List<AttentionSegment> segments = [];
        int start = 0;
        foreach (int length in lengths)
        {
            segments.Add(new(start, length, start, 0));
            start += length;
        }

        return new(segments, [.. segments.Select((_, i) => new SegmentGroup(i, 1))], causal);
    }
}
