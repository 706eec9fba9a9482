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

    /// <summary>Keeps what a reader found.</summary>
    public ClinicalText(bool? polarity, List<List<string>> phrases, List<string> words)
    {
        Polarity = polarity;
        Phrases = phrases;
        Words = words;
        Tokens = [.. phrases.SelectMany(phrase => phrase)];
    }

    /// <summary>Yes or no where the text begins with it as an answer of its own.</summary>
    public bool? Polarity { get; }

    /// <summary>The phrases between commas, full stops and joining words.</summary>
    public IReadOnlyList<List<string>> Phrases { get; }

    /// <summary>All tokens in order.</summary>
    public string[] Tokens { get; }

    /// <summary>All tokens in order, words as they were before synonyms and phrases became one token: "pleural effusion" mentions an effusion.</summary>
    public IReadOnlyList<string> Words { get; }

    /// <summary>Whether it names alternatives or doubts (or, versus, possibly).</summary>
    public bool Alternatives { get; init; }

    /// <summary>Whether a word such as "to" or "above" makes the order of words matter.</summary>
    public bool Ordered { get; init; }

    /// <summary>Whether there is nothing to compare.</summary>
    public bool IsEmpty => Tokens.Length == 0 && Polarity is null;

    /// <summary>Whether a token occurs, as one or within a phrase.</summary>
    public bool Mentions(string token) => Tokens.Contains(token) || Words.Contains(token);

    /// <summary>Whether two tokens are of the kind that must never differ: side, negation, number.</summary>
    public static bool IsQualifier(string token) => token[0] is '<' or '#';

    /// <summary>Tokens of a kind, sorted.</summary>
    public string[] Only(Func<string, bool> kind) => Sorted(Tokens.Where(kind));

    /// <summary>Whether both say the same in the same words, phrases in any order and words in any order within a phrase.</summary>
    public bool SamePhrases(ClinicalText other) =>
        Phrases.Count == other.Phrases.Count && Tokens.Length == other.Tokens.Length
        && SortedPhrases().SequenceEqual(other.SortedPhrases(), StringComparer.Ordinal);

    private IEnumerable<string> SortedPhrases() => Phrases.Select(phrase => string.Join('\n', Sorted(phrase))).Order(StringComparer.Ordinal);

    private static string[] Sorted(IEnumerable<string> tokens)
    {
        string[] sorted = [.. tokens];
        Array.Sort(sorted, StringComparer.Ordinal);
        return sorted;
    }
}
