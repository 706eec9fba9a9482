using System.Globalization;
using System.Text.Json;

namespace Medix.Inference.Generation.Constraints;

/// <summary>The integers from <paramref name="Least"/> to <paramref name="Most"/>, which a schema's bounds leave of those with at most 18 digits.</summary>
internal readonly record struct JsonIntegerRange(long Least, long Most)
{
    /// <summary>The keywords that bound numbers.</summary>
    public static readonly string[] Keywords = ["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"];

    private const int Digits = 18;
    private const long Largest = 999_999_999_999_999_999;

    /// <summary>The range of a schema; everything where it has no bounds.</summary>
    public static JsonIntegerRange Of(JsonElement schema, string path)
    {
        long least = -Largest, most = Largest;
        foreach (string keyword in Keywords.Where(keyword => schema.TryGetProperty(keyword, out _)))
        {
            (long floor, bool whole) = Floor(schema.GetProperty(keyword), keyword, path);
            switch (keyword)
            {
                case "minimum":
                    least = Math.Max(least, whole ? floor : floor + 1);
                    break;
                case "exclusiveMinimum":
                    least = Math.Max(least, floor + 1);
                    break;
                case "maximum":
                    most = Math.Min(most, floor);
                    break;
                default:
                    most = Math.Min(most, whole ? floor - 1 : floor);
                    break;
            }
        }

        return least <= most ? new JsonIntegerRange(least, most) : throw JsonSchemaCompiler.Fault(
            path, $"has {Bounds(schema)}, which leave no integer of at most {Digits} digits: widen the range");
    }

    /// <summary>Whether an integer is in both.</summary>
    public bool Overlaps(JsonIntegerRange other) => Least <= other.Most && other.Least <= Most;

    /// <summary>Whether a number may be one of them; one beyond 18 digits may where there is no bound on its side, as others read the schema.</summary>
    public bool MayHold(JsonElement number) =>
        Floor(number, "", "") is (long floor, true) && (floor >= Least || Least == -Largest) && (floor <= Most || Most == Largest);

    /// <summary>How JSON writes them.</summary>
    public Language Texts()
    {
        if (this == new JsonIntegerRange(-Largest, Largest))
        {
            return JsonText.Integer;
        }

        List<Language> ways = [];
        if (Least < 0)
        {
            ways.Add(Language.Join(Language.Text("-"), Naturals(Math.Max(1, -Most), -Least)));
        }

        if (Least <= 0 && Most >= 0)
        {
            ways.Add(Language.Text("0"));
        }

        if (Most > 0)
        {
            ways.Add(Naturals(Math.Max(1, Least), Most));
        }

        return new Language.Choice(ways);
    }

    /// <summary>From 1 on, one length after the other.</summary>
    private static Language.Choice Naturals(long low, long high)
    {
        string first = low.ToString(CultureInfo.InvariantCulture), last = high.ToString(CultureInfo.InvariantCulture);
        return new Language.Choice([.. Enumerable.Range(first.Length, last.Length - first.Length + 1).Select(length => Between(
            length == first.Length ? first : "1".PadRight(length, '0'), length == last.Length ? last : new string('9', length)))]);
    }

    /// <summary>
    /// Digits from one text to another of the same length: where their first digits differ, the least keeps its own with what is above its rest, the greatest with what
    /// is below its rest, and whatever lies between goes with any rest.
    /// </summary>
    private static Language Between(string low, string high)
    {
        if (low.Length == 0)
        {
            return Language.Text("");
        }

        string lowRest = low[1..], highRest = high[1..], zeros = new('0', lowRest.Length), nines = new('9', lowRest.Length);
        (char from, char to) = (low[0], high[0]);
        if (from == to)
        {
            return Language.Join(Digit(from, to), Between(lowRest, highRest));
        }

        List<Language> ways = [];
        if (lowRest != zeros)
        {
            ways.Add(Language.Join(Digit(from, from), Between(lowRest, nines)));
            from++;
        }

        if (highRest != nines)
        {
            ways.Add(Language.Join(Digit(to, to), Between(zeros, highRest)));
            to--;
        }

        if (from <= to)
        {
            ways.Add(Language.Join(Digit(from, to), new Language.Repeat(Digit('0', '9'), zeros.Length, zeros.Length)));
        }

        return new Language.Choice(ways);
    }

    private static Language.Character Digit(char from, char to) => new(CodePointSet.Of(new CodePointRange(from, to)));

    /// <summary>The greatest integer that is not above a bound, and whether it is the bound. Beyond 18 digits any will do that no integer of 18 reaches.</summary>
    private static (long Floor, bool Whole) Floor(JsonElement bound, string keyword, string path)
    {
        string text = bound.GetRawText();
        if (bound.ValueKind != JsonValueKind.Number)
        {
            throw JsonSchemaCompiler.Fault(path, $"has {keyword} {OutputConstraint.Shortened(text)}, expected a number");
        }

        bool negative = text[0] == '-';
        int end = text.IndexOfAny(['e', 'E']) is var e and >= 0 ? e : text.Length;
        string mantissa = text[(negative ? 1 : 0)..end], digits = mantissa.Replace(".", "", StringComparison.Ordinal), counted = digits.TrimStart('0');
        int point = mantissa.IndexOf('.', StringComparison.Ordinal) is var p and >= 0 ? p : mantissa.Length;
        long places = (long)point - (digits.Length - counted.Length) + Exponent(text.AsSpan(Math.Min(end + 1, text.Length)));
        if (counted.Length == 0)
        {
            return (0, true);
        }

        if (places > Digits)
        {
            return (negative ? -Largest - 1 : Largest + 1, true);
        }

        int before = (int)Math.Clamp(places, 0, counted.Length);
        long integer = before == 0 ? 0 : long.Parse(counted[..before].PadRight((int)places, '0'), CultureInfo.InvariantCulture);
        bool whole = counted.AsSpan(before).TrimEnd('0').IsEmpty;
        return (negative ? -integer - (whole ? 0 : 1) : integer, whole);
    }

    /// <summary>What follows an e. One that 32 bits do not hold is as good as the largest that they do, for no schema has so many digits.</summary>
    private static int Exponent(ReadOnlySpan<char> text) => text.IsEmpty ? 0
        : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int exponent) ? exponent
        : text[0] == '-' ? int.MinValue : int.MaxValue;

    private static string Bounds(JsonElement schema) => string.Join(" and ", Keywords.Where(keyword => schema.TryGetProperty(keyword, out _))
        .Select(keyword => $"{keyword} {OutputConstraint.Shortened(schema.GetProperty(keyword).GetRawText())}"));
}
