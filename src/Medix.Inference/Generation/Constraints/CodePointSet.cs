namespace Medix.Inference.Generation.Constraints;

/// <summary>Code points from <paramref name="First"/> to <paramref name="Last"/>.</summary>
internal readonly record struct CodePointRange(int First, int Last);

/// <summary>A set of Unicode scalar values: sorted, disjoint ranges without surrogates.</summary>
internal sealed class CodePointSet
{
    private const int Last = 0x10FFFF;
    private readonly CodePointRange[] ranges;

    private CodePointSet(IEnumerable<CodePointRange> sorted) => ranges = [.. sorted];

    public static CodePointSet All { get; } = Of(new CodePointRange(0, Last));

    public IReadOnlyList<CodePointRange> Ranges => ranges;

    public bool IsEmpty => ranges.Length == 0;

    public static CodePointSet Of(params IEnumerable<CodePointRange> ranges)
    {
        List<CodePointRange> merged = [];
        foreach (CodePointRange range in ranges.SelectMany(WithoutSurrogates).OrderBy(range => range.First))
        {
            if (merged.Count > 0 && range.First <= merged[^1].Last + 1 && !(merged[^1].Last == 0xD7FF && range.First == 0xE000))
            {
                merged[^1] = new CodePointRange(merged[^1].First, Math.Max(merged[^1].Last, range.Last));
            }
            else
            {
                merged.Add(range);
            }
        }

        return new CodePointSet(merged);
    }

    public static CodePointSet Of(string characters) => Of(characters.EnumerateRunes().Select(rune => new CodePointRange(rune.Value, rune.Value)));

    public CodePointSet Union(CodePointSet other) => Of(ranges.Concat(other.ranges));

    public CodePointSet Complement()
    {
        List<CodePointRange> gaps = [];
        int from = 0;
        foreach (CodePointRange range in ranges)
        {
            if (range.First > from)
            {
                gaps.Add(new CodePointRange(from, range.First - 1));
            }

            from = range.Last + 1;
        }

        if (from <= Last)
        {
            gaps.Add(new CodePointRange(from, Last));
        }

        return Of(gaps);
    }

    public CodePointSet Except(CodePointSet other) => Complement().Union(other).Complement();

    public bool Contains(int value) => ranges.Any(range => range.First <= value && value <= range.Last);

    private static IEnumerable<CodePointRange> WithoutSurrogates(CodePointRange range)
    {
        if (range.First < 0xD800)
        {
            yield return range with { Last = Math.Min(range.Last, 0xD7FF) };
        }

        if (range.Last > 0xDFFF)
        {
            yield return range with { First = Math.Max(range.First, 0xE000) };
        }
    }
}
