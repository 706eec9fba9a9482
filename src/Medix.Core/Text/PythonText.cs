using System.Globalization;
using System.Text;

namespace Medix.Text;

/// <summary>
/// Python's notion of white space, upper case and length, where .NET's differs: the scores of MediX-R1 depend on it.
/// </summary>
internal static class PythonText
{
    private static readonly Dictionary<char, string> FullUpper = Load();

    /// <summary><c>str.isspace</c>: .NET's white space and the four information separators U+001C to U+001F.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\u001C' and <= '\u001F';

    /// <summary><c>str.strip()</c>.</summary>
    public static string Strip(string text)
    {
        int start = 0;
        int end = text.Length;
        while (start < end && IsSpace(text[start]))
        {
            start++;
        }

        while (end > start && IsSpace(text[end - 1]))
        {
            end--;
        }

        return text[start..end];
    }

    /// <summary><c>str.upper()</c>: full Unicode mapping (ß becomes SS, long s becomes S, dotless i becomes I).</summary>
    public static string Upper(string text)
    {
        if (Ascii.IsValid(text))
        {
            return text.ToUpperInvariant();
        }

        StringBuilder upper = new(text.Length + 8);
        for (int i = 0; i < text.Length; i++)
        {
            bool pair = char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]);
            if (pair)
            {
                upper.Append(text.Substring(i++, 2).ToUpperInvariant());
            }
            else if (FullUpper.TryGetValue(text[i], out string? full))
            {
                upper.Append(full);
            }
            else
            {
                upper.Append(char.ToUpperInvariant(text[i]));
            }
        }

        return upper.ToString();
    }

    /// <summary>Whether <c>len()</c> is 1: one code point, which may be two UTF-16 units.</summary>
    public static bool IsOneCodePoint(string text) => text.Length == 1 || (text.Length == 2 && char.IsSurrogatePair(text[0], text[1]));

    private static Dictionary<char, string> Load()
    {
        using Stream stream = typeof(PythonText).Assembly.GetManifestResourceStream("Medix.Text.Resources.full-uppercase.txt")!;
        using StreamReader reader = new(stream);
        Dictionary<char, string> table = [];
        while (reader.ReadLine() is string line)
        {
            if (line.Length > 0 && line[0] != '#')
            {
                char[] codes = [.. line.Split(' ').Select(code => (char)int.Parse(code, NumberStyles.HexNumber, CultureInfo.InvariantCulture))];
                table.Add(codes[0], new string(codes, 1, codes.Length - 1));
            }
        }

        return table;
    }
}
