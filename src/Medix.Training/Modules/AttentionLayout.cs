namespace Medix.Training.Modules;

/// <summary>Consecutive rows of a flat token matrix.</summary>
internal readonly record struct TokenSpan(int Start, int Length)
{
    public int End => Start + Length;
}

/// <summary>
/// A prompt and the responses to it: rows of <paramref name="Shared"/> see only each other, rows of a branch see all of the shared span and their own
/// branch, never another branch.
/// </summary>
internal sealed record AttentionGroup(TokenSpan Shared, IReadOnlyList<TokenSpan> Branches)
{
    /// <summary>The most keys any row of the group sees.</summary>
    public int LongestKeys => Shared.Length + (Branches.Count == 0 ? 0 : Branches.Max(branch => branch.Length));
}

/// <summary>
/// Who attends to whom on a flat token matrix without padding. Groups never see each other and cover all rows in order. With <paramref name="Causal"/> a
/// row sees its own span only up to itself.
/// </summary>
internal sealed record AttentionLayout(IReadOnlyList<AttentionGroup> Groups, bool Causal)
{
    /// <summary>Independent sequences one after another.</summary>
    public static AttentionLayout OfLengths(IEnumerable<int> lengths, bool causal)
    {
        List<AttentionGroup> groups = [];
        int start = 0;
        foreach (int length in lengths)
        {
            groups.Add(new(new(start, length), []));
            start += length;
        }

        return new(groups, causal);
    }
}
