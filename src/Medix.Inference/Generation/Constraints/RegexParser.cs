using System.Globalization;
using System.Text;
using Medix.Runs;

namespace Medix.Inference.Generation.Constraints;

/// <summary>
/// Reads the regular expressions that <see cref="OutputConstraint.Regex"/> documents, by recursive descent. <paramref name="write"/> says how a character is
/// written: as itself, or as it stands in a JSON string.
/// </summary>
internal sealed class RegexParser(string pattern, Func<CodePointSet, Language> write)
{
    private const int LongestPattern = 10_000;
    private const int MostRepetitions = 10_000;
    private const int DeepestGroups = 100;
    private const string Special = "\\^$.|?*+()[";

    private static readonly CodePointSet NotLineBreak = CodePointSet.Of("\n\r\u2028\u2029").Complement();

    private int at;
    private int depth;

    /// <summary>The texts that match from start to end.</summary>
    public static Language WholeText(string pattern, Func<CodePointSet, Language> write) => new RegexParser(pattern, write).Parse(around: null);

    /// <summary>The texts that hold a match somewhere, as JSON Schema's <c>pattern</c> asks, unless <c>^</c> and <c>$</c> tie it to the ends.</summary>
    public static Language Anywhere(string pattern, Func<CodePointSet, Language> write) =>
        new RegexParser(pattern, write).Parse(new Language.Repeat(write(CodePointSet.All), 0, null));

    private Language.Choice Parse(Language? around)
    {
        if (pattern.Length > LongestPattern)
        {
            throw new MedixException($"The pattern has {pattern.Length} characters, expected at most {LongestPattern}.");
        }

        List<Language> alternatives = [];
        do
        {
            bool atStart = Take('^');
            Language body = Sequence();
            bool atEnd = Take('$');
            alternatives.Add(around is null ? body : Language.Join(atStart ? Language.Text("") : around, body, atEnd ? Language.Text("") : around));
        }
        while (Take('|'));
        return at == pattern.Length ? new Language.Choice(alternatives) : throw Fault($"'{pattern[at]}' is not expected here");
    }

    private Language.Choice Alternatives()
    {
        List<Language> alternatives = [Sequence()];
        while (Take('|'))
        {
            alternatives.Add(Sequence());
        }

        return new Language.Choice(alternatives);
    }

    private Language.Sequence Sequence()
    {
        List<Language> parts = [];
        while (at < pattern.Length && pattern[at] is not ('|' or ')' or '$'))
        {
            parts.Add(Quantified(Atom()));
        }

        return new Language.Sequence(parts);
    }

    private Language Quantified(Language atom)
    {
        if (at == pattern.Length || !TryQuantifier(out int least, out int? most))
        {
            return atom;
        }

        Take('?');
        if (at < pattern.Length && (pattern[at] is '*' or '+' or '?' || TryCounts(out _, out _)))
        {
            throw Fault("a repetition of a repetition (or a possessive one) is not supported: use a group");
        }

        return new Language.Repeat(atom, least, most);
    }

    private bool TryQuantifier(out int least, out int? most)
    {
        (least, most) = pattern[at] switch
        {
            '*' => (0, null),
            '+' => (1, null),
            '?' => (0, 1),
            _ => (-1, default(int?)),
        };
        at += least >= 0 ? 1 : 0;
        return least >= 0 || TryCounts(out least, out most);
    }

    /// <summary>{m}, {m,} or {m,n}; any other brace stands for itself.</summary>
    private bool TryCounts(out int least, out int? most)
    {
        (least, most) = (0, null);
        int end = pattern[at] == '{' ? pattern.IndexOf('}', at) : -1;
        if (end < 0)
        {
            return false;
        }

        string[] counts = pattern[(at + 1)..end].Split(',');
        if (counts.Length > 2 || !IsNumber(counts[0]) || (counts.Length == 2 && counts[1].Length > 0 && !IsNumber(counts[1])))
        {
            return false;
        }

        least = Count(counts[0]);
        most = counts.Length == 1 ? least : counts[1].Length == 0 ? null : Count(counts[1]);
        if (most < least)
        {
            throw Fault($"{{{least},{most}}} asks for at least {least} and at most {most}");
        }

        at = end + 1;
        return true;
    }

    private static bool IsNumber(string text) => text.Length > 0 && text.All(char.IsAsciiDigit);

    private int Count(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count <= MostRepetitions
            ? count
            : throw Fault($"the repetition count {text} is above {MostRepetitions}");

    private Language Atom()
    {
        int start = at;
        switch (pattern[at])
        {
            case '(':
                return Group();
            case '[':
                at++;
                return Write(new RegexClassParser(this).Parse());
            case '.':
                at++;
                return Write(NotLineBreak);
            case '\\':
                return Write(Escape(inClass: false));
            case '*' or '+' or '?':
                throw Fault($"'{pattern[at]}' has nothing to repeat");
            case '^':
                throw Fault("'^' is supported at the start of an alternative only");
            default:
                int value = CodePoint();
                return Write(CodePointSet.Of(new CodePointRange(value, value)), start);
        }
    }

    private Language Write(CodePointSet set, int? start = null) => !set.IsEmpty ? write(set) : throw Fault($"the class before {start ?? at} holds no character");

    private Language Group()
    {
        if (++depth > DeepestGroups)
        {
            throw Fault($"groups are nested deeper than {DeepestGroups}");
        }

        at++;
        if (Take('?') && !Take(':'))
        {
            int close = At("<=") || At("<!") ? -1 : At("<") ? pattern.IndexOf('>', at) : -1;
            at = close > 0 ? close + 1 : throw Fault("of the groups that begin with '(?', only '(?:' and '(?<name>' are supported");
        }

        Language group = Alternatives();
        if (!Take(')'))
        {
            throw Fault(at < pattern.Length ? "'$' is supported at the end of an alternative only" : "a group is not closed");
        }

        depth--;
        return group;
    }

    /// <summary>The characters of an escape, which begins here.</summary>
    internal CodePointSet Escape(bool inClass)
    {
        at++;
        char letter = at < pattern.Length ? pattern[at] : throw Fault("the pattern ends within an escape");
        CodePointSet? set = letter switch
        {
            'd' => RegexClassParser.Digits,
            'D' => RegexClassParser.Digits.Complement(),
            'w' => RegexClassParser.Words,
            'W' => RegexClassParser.Words.Complement(),
            's' => RegexClassParser.Spaces,
            'S' => RegexClassParser.Spaces.Complement(),
            'n' => CodePointSet.Of("\n"),
            'r' => CodePointSet.Of("\r"),
            't' => CodePointSet.Of("\t"),
            'v' => CodePointSet.Of("\v"),
            'f' => CodePointSet.Of("\f"),
            '0' when at + 1 == pattern.Length || !char.IsAsciiDigit(pattern[at + 1]) => CodePointSet.Of("\0"),
            'x' => CodePointSet.Of(((char)Hex(2)).ToString()),
            'u' => UnicodeEscape(),
            _ when char.IsAsciiLetterOrDigit(letter) || letter > '~' => null,
            _ => CodePointSet.Of(letter.ToString()),
        };
        at++;
        return set ?? throw Fault($"the escape '\\{letter}'{(inClass ? " in a class" : "")} is not supported");
    }

    private CodePointSet UnicodeEscape()
    {
        string text = ((char)Hex(4)).ToString();
        if (char.IsHighSurrogate(text[0]) && pattern.AsSpan(at + 1).StartsWith("\\u", StringComparison.Ordinal))
        {
            at += 2;
            text += (char)Hex(4);
        }

        return Rune.DecodeFromUtf16(text, out _, out int length) == System.Buffers.OperationStatus.Done && length == text.Length
            ? CodePointSet.Of(text)
            : throw Fault("an escape holds half a surrogate pair");
    }

    /// <summary>Reads digits after the current letter and stays at the last one.</summary>
    private int Hex(int digits)
    {
        int value = 0;
        bool valid = at + digits < pattern.Length
            && int.TryParse(pattern.AsSpan(at + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
        at += digits;
        return valid ? value : throw Fault($"an escape needs {digits} hexadecimal digits");
    }

    /// <summary>The character here, which is then passed.</summary>
    internal int CodePoint()
    {
        if (Rune.DecodeFromUtf16(pattern.AsSpan(at), out Rune rune, out int length) != System.Buffers.OperationStatus.Done)
        {
            throw Fault("half a surrogate pair");
        }

        at += length;
        return rune.Value;
    }

    internal bool AtEnd => at == pattern.Length;

    internal bool At(string text) => string.CompareOrdinal(pattern, at, text, 0, text.Length) == 0;

    internal bool Take(char expected)
    {
        bool here = at < pattern.Length && pattern[at] == expected;
        at += here ? 1 : 0;
        return here;
    }

    internal MedixException Fault(string fault) => new(
        $"The pattern '{OutputConstraint.Shortened(pattern)}' cannot be used: {fault} (at character {Math.Min(at, pattern.Length)}). "
        + $"Escape {string.Join(' ', Special.ToCharArray())} with a backslash where they stand for themselves.");
}
