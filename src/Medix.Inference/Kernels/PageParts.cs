namespace Medix.Inference.Kernels;

/// <summary>A page's positions that some rows read together.</summary>
/// <param name="page">The page.</param>
/// <param name="positions">How many of its positions are read, from its first on.</param>
/// <param name="row">The first of the rows, counted from the first that is asked about.</param>
/// <param name="rows">Rows.</param>
/// <param name="column">The first position's place among all that the rows see.</param>
internal readonly struct PagePart(nint page, int positions, int row, int rows, int column)
{
    public readonly nint Page = page;
    public readonly int Positions = positions, Row = row, Rows = rows, Column = column;
}

/// <summary>
/// The pages that the rows [first, end) read, in the order in which they are read: prefix after prefix, each with all rows that share it, then the rows' own positions page
/// by page, each with the neighbours that share it.
/// </summary>
internal struct PageParts
{
    private readonly AttentionRows rows;
    private readonly int first;
    private readonly int end;
    private readonly int most;
    private bool own;
    private int row;
    private int start;

    public PageParts(AttentionRows rows, int first, int end)
    {
        (this.rows, this.first, this.end, row) = (rows, first, end, first);
        most = rows.MostVisible(first, end);
    }

    /// <summary>The next part, or false behind the last.</summary>
    public bool Next(out PagePart part)
    {
        // A row's own positions come second: they overwrite what the prefix's last tile wrote beyond its end.
        if (!own && NextOfPrefix(out part))
        {
            return true;
        }

        if (!own)
        {
            (own, row) = (true, first);
        }

        return NextOwn(out part);
    }

    private bool NextOfPrefix(out PagePart part)
    {
        while (row < end)
        {
            int next = EndOfPrefixGroup(row);
            if (rows.Sequences[row].Prefix is { } prefix && start < prefix.Length)
            {
                part = new PagePart(prefix.Page(start), Math.Min(KvPages.Positions, prefix.Length - start), row - first, next - row, start);
                start += KvPages.Positions;
                return true;
            }

            (row, start) = (next, 0);
        }

        part = default;
        return false;
    }

    private bool NextOwn(out PagePart part)
    {
        for (; start < most; row = first, start += KvPages.Positions)
        {
            while (row < end)
            {
                int from = row;
                row = EndOfPageGroup(from);
                int visible = rows.MostVisible(from, row);
                if (visible > start)
                {
                    int positions = Math.Min(KvPages.Positions, visible - start);
                    part = new PagePart(rows.Sequences[from].Page(start), positions, from - first, row - from, rows.PrefixLength(from) + start);
                    return true;
                }
            }
        }

        part = default;
        return false;
    }

    private readonly int EndOfPrefixGroup(int row)
    {
        int next = row + 1;
        while (next < end && rows.Sequences[next].Prefix == rows.Sequences[row].Prefix)
        {
            next++;
        }

        return next;
    }

    /// <summary>The rows from <paramref name="row"/> on that read the same page: those of its sequence, and of sequences that share the whole page.</summary>
    private readonly int EndOfPageGroup(int row)
    {
        int next = row + 1;
        while (next < end && (rows.Sequences[next] == rows.Sequences[row] || SharePage(row, next)))
        {
            next++;
        }

        return next;
    }

    private readonly bool SharePage(int a, int b)
    {
        KvSequence one = rows.Sequences[a], other = rows.Sequences[b];
        bool whole = Math.Min(rows.Visible[a], rows.Visible[b]) >= start + KvPages.Positions;
        return whole && one.Prefix == other.Prefix && one.Page(start) == other.Page(start);
    }
}
