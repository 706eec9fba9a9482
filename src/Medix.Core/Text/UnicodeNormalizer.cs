using System.Globalization;
using System.Text;

namespace Medix.Text;

/// <summary>
/// Unicode normalisation forms C and D (UAX #15). Needed because <see cref="string.Normalize()"/> leaves non-ASCII text as it is when the
/// runtime has no ICU, which is how this product runs (invariant globalisation). Unpaired surrogates become U+FFFD where anything has to change.
/// </summary>
public static class UnicodeNormalizer
{
    private const int HangulBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TrailBase = 0x11A7;
    private const int Leads = 19, Vowels = 21, Trails = 28;

    // Everything below is its own form C and does not combine.
    private const char FirstThatMatters = '\u0300';

    private static readonly Lazy<Tables> Data = new(Tables.Read);

    /// <summary>Form C: composed characters. Text that is composed already is returned as it is.</summary>
    public static string Compose(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return IsComposed(text) ? text : ToText(Composed(Decomposed(text)));
    }

    /// <summary>Form D: base characters followed by their marks in canonical order.</summary>
    public static string Decompose(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Ascii.IsValid(text) ? text : ToText(Decomposed(text));
    }

    private static bool IsComposed(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange(FirstThatMatters, char.MaxValue))
        {
            return true;
        }

        foreach (Rune rune in text.EnumerateRunes())
        {
            if (rune.Value >= FirstThatMatters && Data.Value.MayChange.Contains(rune.Value))
            {
                return false;
            }
        }

        return true;
    }

    private static List<int> Decomposed(string text)
    {
        List<int> points = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            AppendDecomposed(rune.Value, points);
        }

        SortMarks(points);
        return points;
    }

    private static void AppendDecomposed(int point, List<int> points)
    {
        int syllable = point - HangulBase;
        if (Data.Value.Decompositions.TryGetValue(point, out int[]? parts))
        {
            foreach (int part in parts)
            {
                AppendDecomposed(part, points);
            }
        }
        else if (syllable is >= 0 and < Leads * Vowels * Trails)
        {
            points.Add(LeadBase + (syllable / (Vowels * Trails)));
            points.Add(VowelBase + (syllable / Trails % Vowels));
            if (syllable % Trails > 0)
            {
                points.Add(TrailBase + (syllable % Trails));
            }
        }
        else
        {
            points.Add(point);
        }
    }

    // Marks are sorted by class, stably, behind their base character.
    private static void SortMarks(List<int> points)
    {
        for (int end = 0; end < points.Count; end++)
        {
            int start = end;
            while (end < points.Count && Class(points[end]) > 0)
            {
                end++;
            }

            if (end - start > 1)
            {
                int[] sorted = [.. points[start..end].OrderBy(Class)];
                for (int i = 0; i < sorted.Length; i++)
                {
                    points[start + i] = sorted[i];
                }
            }
        }
    }

    private static List<int> Composed(List<int> points)
    {
        List<int> kept = new(points.Count);
        int starter = -1, before = 0;
        foreach (int point in points)
        {
            int rank = Class(point);
            // A kept mark of the same or a higher class between the two blocks the composition.
            bool open = starter >= 0 && (starter == kept.Count - 1 || before < rank);
            if (open && Composite(kept[starter], point) is int whole)
            {
                kept[starter] = whole;
                continue;
            }

            starter = rank == 0 ? kept.Count : starter;
            before = rank;
            kept.Add(point);
        }

        return kept;
    }

    private static int? Composite(int first, int second)
    {
        if (first is >= LeadBase and < LeadBase + Leads && second is >= VowelBase and < VowelBase + Vowels)
        {
            return HangulBase + ((((first - LeadBase) * Vowels) + second - VowelBase) * Trails);
        }

        int syllable = first - HangulBase;
        if (syllable is >= 0 and < Leads * Vowels * Trails && syllable % Trails == 0 && second is > TrailBase and < TrailBase + Trails)
        {
            return first + second - TrailBase;
        }

        return Data.Value.Composites.TryGetValue((first, second), out int whole) ? whole : null;
    }

    private static int Class(int point) => Data.Value.Classes.GetValueOrDefault(point);

    private static string ToText(List<int> points)
    {
        StringBuilder text = new(points.Count);
        foreach (int point in points)
        {
            text.Append(new Rune(point));
        }

        return text.ToString();
    }

    private sealed record Tables(
        Dictionary<int, int[]> Decompositions, Dictionary<(int First, int Second), int> Composites, Dictionary<int, byte> Classes, HashSet<int> MayChange)
    {
        public static Tables Read()
        {
            Tables tables = new([], [], [], [.. Enumerable.Range(VowelBase, Vowels), .. Enumerable.Range(TrailBase + 1, Trails - 1)]);
            using Stream stream = typeof(UnicodeNormalizer).Assembly.GetManifestResourceStream("Medix.Text.normalization.txt")!;
            using StreamReader reader = new(stream);
            while (reader.ReadLine() is { } line)
            {
                string[] fields = line.Split(' ');
                if (fields[0] == "c")
                {
                    tables.AddClass(Point(fields[1]), Point(fields[2]), byte.Parse(fields[3], CultureInfo.InvariantCulture));
                }
                else if (fields[0] is "d" or "x")
                {
                    tables.AddDecomposition(Point(fields[1]), [.. fields[2..].Select(Point)], composes: fields[0] == "d");
                }
            }

            return tables;
        }

        private void AddClass(int first, int last, byte rank)
        {
            for (int point = first; point <= last; point++)
            {
                Classes.Add(point, rank);
                MayChange.Add(point);
            }
        }

        private void AddDecomposition(int whole, int[] parts, bool composes)
        {
            Decompositions.Add(whole, parts);
            if (composes)
            {
                Composites.Add((parts[0], parts[1]), whole);
            }

            // Composed forms stay; what might combine with the character before it has to be looked at.
            MayChange.Add(composes ? parts[1] : whole);
        }

        private static int Point(string field) => int.Parse(field, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
