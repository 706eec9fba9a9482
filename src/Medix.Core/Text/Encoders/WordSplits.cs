using System.Text;

namespace Medix.Text.Encoders;

/// <summary>The ways of cutting a normalised text into words.</summary>
internal static class WordSplits
{
    /// <summary>The text as one word.</summary>
    public static IEnumerable<string> Whole(string text, bool first) => text.Length == 0 ? [] : [text];

    /// <summary>At white space.</summary>
    public static IEnumerable<string> Spaces(string text, bool first) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    /// <summary>At white space, and every punctuation character by itself.</summary>
    public static IEnumerable<string> Bert(string text, bool first)
    {
        int start = 0, at = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            int next = at + rune.Utf16SequenceLength;
            bool space = Rune.IsWhiteSpace(rune);
            if (space || IsPunctuation(rune))
            {
                if (at > start)
                {
                    yield return text[start..at];
                }

                if (!space)
                {
                    yield return text[at..next];
                }

                start = next;
            }

            at = next;
        }

        if (at > start)
        {
            yield return text[start..at];
        }
    }

    /// <summary>SentencePiece's: spaces become a visible mark, which also begins the text, and words may begin at each mark.</summary>
    public static WordSplit Metaspace(char mark, string prepend, bool split) => (text, first) =>
    {
        string marked = text.Replace(' ', mark);
        if (marked.Length > 0 && marked[0] != mark && (prepend == "always" || (prepend == "first" && first)))
        {
            marked = mark + marked;
        }

        return split ? CutBefore(marked, mark) : Whole(marked, first);
    };

    /// <summary>One after the other.</summary>
    public static WordSplit Sequence(IReadOnlyList<WordSplit> steps) => (text, first) =>
        steps.Aggregate(Whole(text, first), (words, step) => words.SelectMany((word, i) => step(word, first && i == 0)));

    private static IEnumerable<string> CutBefore(string text, char mark)
    {
        int start = 0;
        for (int next; start < text.Length; start = next)
        {
            next = text.IndexOf(mark, start + 1);
            next = next < 0 ? text.Length : next;
            yield return text[start..next];
        }
    }

    // All of ASCII that is neither letter, digit nor space counts: "$", "+" and "~" are symbols to Unicode.
    private static bool IsPunctuation(Rune rune) => rune.IsAscii
        ? rune.Value is (>= 33 and <= 47) or (>= 58 and <= 64) or (>= 91 and <= 96) or (>= 123 and <= 126)
        : Rune.IsPunctuation(rune);
}
