using System.Globalization;
using System.Text;

namespace Medix.Runs;

/// <summary>Writes the little YAML that a card's front matter needs. Every text is quoted, so that none is read as a number, a list or a comment.</summary>
internal static class Yaml
{
    /// <summary>A text in double quotes, with JSON's escapes (which YAML shares) for quotes, backslashes and anything beyond one printable line.</summary>
    public static string Text(string value)
    {
        var text = new StringBuilder("\"");
        foreach (Rune rune in value.EnumerateRunes())
        {
            text.Append(rune.Value switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                0x2028 or 0x2029 or 0xFEFF => $"\\u{rune.Value:x4}",
                _ when Rune.IsControl(rune) => $"\\u{rune.Value:x4}",
                _ => rune.ToString(),
            });
        }

        return text.Append('"').ToString();
    }

    /// <summary>A number, four decimals at most.</summary>
    public static string Number(double value) => value.ToString("0.####", CultureInfo.InvariantCulture);

    /// <summary>A key with a text.</summary>
    public static string Pair(string key, string value) => $"{key}: {Text(value)}";

    /// <summary>A key with a list of texts, in lines.</summary>
    public static IEnumerable<string> List(string key, IEnumerable<string> values) => [$"{key}:", .. values.Select(value => $"- {Text(value)}")];
}
