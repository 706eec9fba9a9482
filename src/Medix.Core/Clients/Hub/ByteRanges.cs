namespace Medix.Clients.Hub;

/// <summary>Bytes from <paramref name="Start"/> up to, not including, <paramref name="End"/>.</summary>
internal readonly record struct ByteRange(long Start, long End)
{
    public long Length => End - Start;
}

/// <summary>A set of bytes, kept as sorted, disjoint, non-touching ranges.</summary>
internal sealed class ByteRanges
{
    private readonly List<ByteRange> ranges = [];

    public IReadOnlyList<ByteRange> Items => ranges;

    /// <summary>How many bytes are in the set.</summary>
    public long Count { get; private set; }

    /// <summary>Adds a range, which may overlap what is there.</summary>
    public void Add(ByteRange range)
    {
        if (range.Length <= 0)
        {
            return;
        }

        int first = ranges.FindIndex(r => r.End >= range.Start);
        if (first < 0)
        {
            first = ranges.Count;
        }

        int after = first;
        while (after < ranges.Count && ranges[after].Start <= range.End)
        {
            range = new ByteRange(Math.Min(range.Start, ranges[after].Start), Math.Max(range.End, ranges[after].End));
            Count -= ranges[after].Length;
            after++;
        }

        ranges.RemoveRange(first, after - first);
        ranges.Insert(first, range);
        Count += range.Length;
    }

    /// <summary>The bytes of [0, <paramref name="size"/>) that are not in the set, in pieces of at most <paramref name="pieceBytes"/>.</summary>
    public IEnumerable<ByteRange> Missing(long size, long pieceBytes)
    {
        long position = 0;
        foreach (ByteRange present in ranges.Append(new ByteRange(size, size)))
        {
            for (; position < Math.Min(present.Start, size); position = Math.Min(position + pieceBytes, present.Start))
            {
                yield return new ByteRange(position, Math.Min(position + pieceBytes, present.Start));
            }

            position = Math.Max(position, present.End);
        }
    }

    public void Clear()
    {
        ranges.Clear();
        Count = 0;
    }
}
