using System.Buffers;
using System.Globalization;
using System.Text;

namespace Medix.Text;

/// <summary>A stretch of a text: an added token when <paramref name="Id"/> is not null, else text between them.</summary>
internal readonly record struct TextPiece(int Start, int Length, int? Id);

/// <summary>Cuts a text at added tokens: the leftmost match first, the longest of those that start at one place.</summary>
internal sealed class AddedTokenMatcher
{
    private sealed record Entry(string Content, AddedToken Token, int Id);

    private readonly Dictionary<char, Entry[]> _byFirst;
    private readonly SearchValues<char> _firsts;

    /// <summary>A matcher for these tokens; <paramref name="spelling"/> gives the text to look for (normalised where the text is).</summary>
    public AddedTokenMatcher(IEnumerable<KeyValuePair<int, AddedToken>> tokens, Func<string, string> spelling)
    {
        _byFirst = tokens.Select(pair => new Entry(spelling(pair.Value.Content), pair.Value, pair.Key))
            .GroupBy(entry => entry.Content[0])
            .ToDictionary(group => group.Key, group => group.OrderByDescending(entry => entry.Content.Length).ToArray());
        _firsts = SearchValues.Create([.. _byFirst.Keys]);
    }

    /// <summary>The pieces in order; together they cover the text, and none is empty.</summary>
    public List<TextPiece> Cut(string text)
    {
        List<TextPiece> pieces = [];
        int done = 0, from = 0;
        while (Next(text, from) is { } match)
        {
            from = match.Start + match.Length;
            if (match.Entry.Token.SingleWord && !StandsAlone(text, match.Start, from))
            {
                continue;
            }

            // White space that an earlier match has taken is not taken again.
            int start = match.Entry.Token.LeftStrip ? Math.Max(done, text.AsSpan(0, match.Start).TrimEnd().Length) : match.Start;
            int end = match.Entry.Token.RightStrip ? text.Length - text.AsSpan(from).TrimStart().Length : from;
            if (start > done)
            {
                pieces.Add(new TextPiece(done, start - done, null));
            }

            pieces.Add(new TextPiece(start, end - start, match.Entry.Id));
            done = from = end;
        }

        if (done < text.Length)
        {
            pieces.Add(new TextPiece(done, text.Length - done, null));
        }

        return pieces;
    }

    private (int Start, int Length, Entry Entry)? Next(string text, int from)
    {
        while (true)
        {
            int step = text.AsSpan(from).IndexOfAny(_firsts);
            if (step < 0)
            {
                return null;
            }

            from += step;
            foreach (Entry entry in _byFirst[text[from]])
            {
                if (text.AsSpan(from).StartsWith(entry.Content, StringComparison.Ordinal))
                {
                    return (from, entry.Content.Length, entry);
                }
            }

            from++;
        }
    }

    private static bool StandsAlone(string text, int start, int end)
    {
        bool before = Rune.DecodeLastFromUtf16(text.AsSpan(0, start), out Rune left, out _) == OperationStatus.Done && IsWord(left);
        bool after = Rune.DecodeFromUtf16(text.AsSpan(end), out Rune right, out _) == OperationStatus.Done && IsWord(right);
        return !before && !after;
    }

    // The word characters of Unicode Technical Standard 18: letters, marks, digits, connectors and joiners.
    private static bool IsWord(Rune rune) => rune.Value is 0x200C or 0x200D || Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark => true,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation => true,
        _ => Rune.IsLetter(rune),
    };
}
