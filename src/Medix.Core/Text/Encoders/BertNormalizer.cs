using System.Globalization;
using System.Text;

namespace Medix.Text.Encoders;

/// <summary>
/// BERT's text cleaning (arXiv 1810.04805) as the Hugging Face tokenizers do it: control characters dropped and white space made plain, ideographs set
/// apart, accents stripped, lower case; in this order, each switchable.
/// </summary>
internal sealed class BertNormalizer(bool clean, bool spaceIdeographs, bool stripAccents, bool lower)
{
    private const char CapitalDottedI = '\u0130';

    public string Apply(string text)
    {
        string spaced = clean || spaceIdeographs ? CleanAndSpace(text) : text;
        string bare = stripAccents ? StripMarks(UnicodeNormalizer.Decompose(spaced)) : spaced;
        return lower ? Lower(bare) : bare;
    }

    /// <summary>Lower case, character by character: the only one that becomes two is the dotted capital I.</summary>
    public static string Lower(string text) =>
        (text.Contains(CapitalDottedI, StringComparison.Ordinal) ? text.Replace("\u0130", "i\u0307", StringComparison.Ordinal) : text).ToLowerInvariant();

    /// <summary>Drops the non-spacing marks of decomposed text.</summary>
    public static string StripMarks(string text)
    {
        if (Ascii.IsValid(text))
        {
            return text;
        }

        StringBuilder kept = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) != UnicodeCategory.NonSpacingMark)
            {
                kept.Append(rune);
            }
        }

        return kept.ToString();
    }

    private string CleanAndSpace(string text)
    {
        StringBuilder result = new(text.Length + 16);
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (clean && IsDropped(rune))
            {
                continue;
            }

            if (clean && Rune.IsWhiteSpace(rune))
            {
                result.Append(' ');
            }
            else if (spaceIdeographs && IsIdeograph(rune.Value))
            {
                result.Append(' ').Append(rune).Append(' ');
            }
            else
            {
                result.Append(rune);
            }
        }

        return result.ToString();
    }

    private static bool IsDropped(Rune rune) => rune.Value is 0 or 0xFFFD
        || (rune.Value is not ('\t' or '\n' or '\r')
            && Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse);

    // The gap at U+2B820 is the library's own: ids must agree with those a model was trained on.
    private static bool IsIdeograph(int point) => point is
        (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B73F)
        or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);
}
