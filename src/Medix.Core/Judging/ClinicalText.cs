namespace Medix.Judging;

/// <summary>
/// A short clinical text read for comparison. Tokens are words in canonical form; those that decide about a patient carry a mark as first character
/// (<see cref="IsQualifier"/>): sides and negation <c>&lt;</c>, numbers, quantities and ranks <c>#</c>.
/// </summary>
internal sealed class ClinicalText
{
    /// <summary>The token of a negated phrase.</summary>
    public const string No = "<no>";

    /// <summary>The token of the left side.</summary>
    public const string Left = "<left>";

    /// <summary>The token of the right side.</summary>
    public const string Right = "<right>";

    /// <summary>The token of both sides.</summary>
    public const string Both = "<both>";

    private readonly string[][] _sorted;

    /// <summary>Keeps the phrases of a text.</summary>
    public ClinicalText(bool? polarity, List<List<string>> phrases, bool alternatives, bool ordered)
    {
        Polarity = polarity;
        Phrases = phrases;
        Alternatives = alternatives;
        Ordered = ordered;
        Tokens = [.. phrases.SelectMany(phrase => phrase)];
        _sorted = [.. phrases.Select(Sorted).OrderBy(phrase => string.Join(' ', phrase), StringComparer.Ordinal)];
    }

    /// <summary>Yes or no where the text begins with it as an answer of its own.</summary>
    public bool? Polarity { get; }

    /// <summary>The phrases between commas, full stops and joining words.</summary>
    public IReadOnlyList<List<string>> Phrases { get; }

    /// <summary>All tokens in order.</summary>
    public string[] Tokens { get; }

    /// <summary>Whether it names alternatives or doubts (or, versus, possibly).</summary>
    public bool Alternatives { get; }

    /// <summary>Whether a word such as "to" or "above" makes the order of words matter.</summary>
    public bool Ordered { get; }

    /// <summary>Whether two tokens are of the kind that must never differ: side, negation, number.</summary>
    public static bool IsQualifier(string token) => token[0] is '<' or '#';

    /// <summary>Tokens of a kind, sorted.</summary>
    public string[] Only(Func<string, bool> kind) => Sorted(Tokens.Where(kind));

    /// <summary>Whether both say the same in the same words, phrases in any order and words in any order within a phrase.</summary>
    public bool SamePhrases(ClinicalText other) =>
        _sorted.Length == other._sorted.Length && _sorted.Zip(other._sorted).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));

    private static string[] Sorted(IEnumerable<string> tokens)
    {
        string[] sorted = [.. tokens];
        Array.Sort(sorted, StringComparer.Ordinal);
        return sorted;
    }
}
