using System.Globalization;
using System.Text;

namespace Medix.Judging;

/// <summary>What a lexeme is.</summary>
internal enum LexemeKind
{
    /// <summary>A run of letters, or letters and digits that begin with a letter (<c>t2</c>, <c>l4</c>).</summary>
    Word,

    /// <summary>A number in digits.</summary>
    Number,

    /// <summary>A number with an ordinal ending (<c>4th</c>).</summary>
    Ordinal,

    /// <summary>The end of a phrase: comma, semicolon, full stop, line end, ampersand, plus.</summary>
    Break,

    /// <summary>A sign with a meaning of its own: comparison, percent, slash, ratio colon, the dash of a range.</summary>
    Sign,
}

/// <summary>One lexeme: its text in lower case and, for numbers, its value.</summary>
internal readonly record struct Lexeme(LexemeKind Kind, string Text, double Value = 0);

/// <summary>Splits a short clinical text into lexemes; one pass, linear time.</summary>
internal static class ClinicalLexer
{
    /// <summary>All lexemes in order.</summary>
    public static List<Lexeme> Split(string text)
    {
        string folded = Fold(text);
        List<Lexeme> lexemes = new(folded.Length / 4);
        int at = 0;
        while (at < folded.Length)
        {
            char c = folded[at];
            at = char.IsAsciiDigit(c) || (c is '.' or '-' && StartsNumber(folded, at, lexemes)) ? Number(folded, at, lexemes)
                : char.IsLetter(c) ? Word(folded, at, lexemes)
                : Sign(folded, at, lexemes);
        }

        return lexemes;
    }

    private static string Fold(string text)
    {
        StringBuilder? folded = null;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (char.IsAscii(c))
            {
                folded?.Append(c);
            }
            else
            {
                folded ??= new StringBuilder(text, 0, i, text.Length + 16);
                folded.Append(Spelling.Fold(c) ?? c.ToString());
            }
        }

        return (folded?.ToString() ?? text).ToLowerInvariant();
    }

    /// <summary>A dot or minus belongs to a number when a digit follows and nothing that is read as a dash or full stop precedes.</summary>
    private static bool StartsNumber(string text, int at, List<Lexeme> lexemes)
    {
        int digit = text[at] == '-' && at + 1 < text.Length && text[at + 1] == '.' ? at + 2 : at + 1;
        bool follows = digit < text.Length && char.IsAsciiDigit(text[digit]);
        bool apart = at == 0 || !(char.IsLetterOrDigit(text[at - 1]) || text[at - 1] is ')' or '.');
        bool afterNumber = lexemes.Count > 0 && lexemes[^1].Kind == LexemeKind.Number && text[at] == '-';
        return follows && apart && !afterNumber;
    }

    private static int Number(string text, int start, List<Lexeme> lexemes)
    {
        int at = start + (text[start] == '-' ? 1 : 0);
        StringBuilder digits = new();
        digits.Append(text, start, at - start);
        bool point = false;
        for (; at < text.Length; at++)
        {
            char c = text[at];
            bool digitNext = at + 1 < text.Length && char.IsAsciiDigit(text[at + 1]);
            if (char.IsAsciiDigit(c))
            {
                digits.Append(c);
            }
            else if (c == '.' && digitNext && !point)
            {
                point = true;
                digits.Append('.');
            }
            else if (c == ',' && digitNext && !point && Digits(text, at + 1) is int count && (count == 3 || !InList(text, at + 1 + count)))
            {
                // 1,000 is a thousand; 1,5 is one and a half; 2,3,4 and 3,4-methyl are lists.
                point = count != 3;
                digits.Append(point ? "." : "");
            }
            else
            {
                break;
            }
        }

        string number = digits.ToString();
        double value = double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out double parsed) ? parsed : double.NaN;
        bool ends = at + 2 >= text.Length || !char.IsLetterOrDigit(text[at + 2]);
        bool ordinal = ends && at + 1 < text.Length && text.AsSpan(at, 2) is "st" or "nd" or "rd" or "th";
        lexemes.Add(new Lexeme(ordinal ? LexemeKind.Ordinal : LexemeKind.Number, number, value));
        return ordinal ? at + 2 : at;
    }

    /// <summary>Whether digits that end here are one of several: more follow after a comma, or a name after a dash.</summary>
    private static bool InList(string text, int end) =>
        end + 1 < text.Length && ((text[end] == ',' && char.IsAsciiDigit(text[end + 1])) || (text[end] == '-' && char.IsLetter(text[end + 1])));

    private static int Digits(string text, int at)
    {
        int end = at;
        while (end < text.Length && char.IsAsciiDigit(text[end]))
        {
            end++;
        }

        return end - at;
    }

    private static int Word(string text, int start, List<Lexeme> lexemes)
    {
        int at = start;
        while (at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] == '\''))
        {
            at++;
        }

        string word = text[start..at];
        if (word.Contains('\'', StringComparison.Ordinal))
        {
            // Crohn's is Crohn; isn't is isnt.
            word = (word.EndsWith("'s", StringComparison.Ordinal) ? word[..^2] : word).Replace("'", "", StringComparison.Ordinal);
        }

        if (word.Length > 0)
        {
            lexemes.Add(new Lexeme(LexemeKind.Word, word));
        }

        return at;
    }

    private static int Sign(string text, int at, List<Lexeme> lexemes)
    {
        char c = text[at];
        char next = at + 1 < text.Length ? text[at + 1] : ' ';
        switch (c)
        {
            case ',' or ';' or '&' or '+' or '\n' or '!':
            case '.' when char.IsWhiteSpace(next) || at + 1 == text.Length:
                lexemes.Add(new Lexeme(LexemeKind.Break, ","));
                break;
            case '<' or '>':
                lexemes.Add(new Lexeme(LexemeKind.Sign, next == '=' ? c + "=" : c.ToString()));
                return next == '=' ? at + 2 : at + 1;
            case '%' or '/' or '°':
                lexemes.Add(new Lexeme(LexemeKind.Sign, c.ToString()));
                break;
            case ':' or '-' when char.IsAsciiDigit(next) && at > 0 && char.IsAsciiDigit(text[at - 1]):
                lexemes.Add(new Lexeme(LexemeKind.Sign, c.ToString()));
                break;
            default:
                break;
        }

        return at + 1;
    }
}
