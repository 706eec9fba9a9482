using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;

namespace Medix.Text;

/// <summary>Which pattern cuts text into the pieces that byte-pair encoding works on.</summary>
internal enum SplitPattern
{
    /// <summary>Qwen2 and Qwen3: one digit at a time, line breaks apart, contractions in any case.</summary>
    Qwen2,

    /// <summary>GPT-2 ("ByteLevel" with its own pattern): digits in runs, contractions in lower case.</summary>
    Gpt2,
}

/// <summary>
/// Cuts text by a pattern over code points. .NET's regular expressions see UTF-16 units, so every supplementary character is shown to them as
/// one character of the basic plane of the same class (letter, number, other), and the offsets are mapped back.
/// </summary>
internal sealed partial class WordSplitter(SplitPattern pattern) : PreTokenizer
{
    /// <summary>The Qwen2 pattern as tokenizer.json spells it.</summary>
    public const string Qwen2Text =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>
    /// The library's merging takes time quadratic in a word's length: 0.2 s for 20,000 letters, minutes for a million. Longer words (never language;
    /// think of encoded files in a text) are cut, which costs no text but may give other ids than the reference at the cuts.
    /// </summary>
    internal const int LongestWord = 8192;

    private readonly Regex _regex = pattern == SplitPattern.Qwen2 ? Qwen2() : Gpt2();

    /// <inheritdoc/>
    public override IEnumerable<(int Offset, int Length)> PreTokenize(string text) => CutLongWords(text, Split(text));

    /// <inheritdoc/>
    public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text) => CutLongWords(text, Split(text));

    /// <summary>The pieces in order; together they cover the text.</summary>
    public List<(int Offset, int Length)> Split(ReadOnlySpan<char> text) =>
        text.ContainsAnyInRange('\uD800', '\uDFFF') ? SplitByStandIns(text) : SplitUnits(text);

    private static List<(int Offset, int Length)> CutLongWords(ReadOnlySpan<char> text, List<(int Offset, int Length)> words)
    {
        if (!words.Exists(word => word.Length > LongestWord))
        {
            return words;
        }

        List<(int Offset, int Length)> cut = [];
        foreach ((int offset, int length) in words)
        {
            int start = offset, end = offset + length;
            while (start < end)
            {
                int next = Math.Min(start + LongestWord, end);
                // Not between the halves of a surrogate pair.
                next -= next < end && char.IsLowSurrogate(text[next]) ? 1 : 0;
                cut.Add((start, next - start));
                start = next;
            }
        }

        return cut;
    }

    // Under full case folding 's matches U+017F (long s) too, which IgnoreCase does not know: hence the letters are spelled out.
    [GeneratedRegex(
        @"'[sStTmMdD\u017F]|'[rR][eE]|'[vV][eE]|'[lL][lL]|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        RegexOptions.CultureInvariant)]
    private static partial Regex Qwen2();

    [GeneratedRegex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", RegexOptions.CultureInvariant)]
    private static partial Regex Gpt2();

    private List<(int Offset, int Length)> SplitUnits(ReadOnlySpan<char> text)
    {
        List<(int Offset, int Length)> pieces = [];
        foreach (ValueMatch match in _regex.EnumerateMatches(text))
        {
            pieces.Add((match.Index, match.Length));
        }

        return pieces;
    }

    private List<(int Offset, int Length)> SplitByStandIns(ReadOnlySpan<char> text)
    {
        StringBuilder shown = new(text.Length);
        List<int> offsets = new(text.Length + 1);
        int offset = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            offsets.Add(offset);
            offset += rune.Utf16SequenceLength;
            shown.Append(rune.IsBmp ? (char)rune.Value : StandIn(rune));
        }

        offsets.Add(offset);
        List<(int Offset, int Length)> pieces = SplitUnits(shown.ToString());
        for (int i = 0; i < pieces.Count; i++)
        {
            int start = offsets[pieces[i].Offset];
            pieces[i] = (start, offsets[pieces[i].Offset + pieces[i].Length] - start);
        }

        return pieces;
    }

    // No supplementary character is white space.
    private static char StandIn(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        _ when Rune.IsLetter(rune) => 'Ω',
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => '²',
        _ => '☃',
    };
}
