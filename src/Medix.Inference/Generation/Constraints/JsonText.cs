using System.Globalization;

namespace Medix.Inference.Generation.Constraints;

/// <summary>JSON's own texts, as languages (RFC 8259).</summary>
internal static class JsonText
{
    private static readonly CodePointSet Hexadecimal =
        CodePointSet.Of(new CodePointRange('0', '9'), new CodePointRange('A', 'F'), new CodePointRange('a', 'f'));

    private static readonly CodePointSet Plain = CodePointSet.All.Except(CodePointSet.Of("\"\\").Union(CodePointSet.Of(new CodePointRange(0, 31))));

    private static readonly Language Digits = new Language.Character(CodePointSet.Of(new CodePointRange('0', '9')));

    /// <summary>A whole number of at most 18 digits, which 64 bits hold.</summary>
    public static Language Integer { get; } = Language.Any(Language.Text("0"), Language.Join(Language.Optional(Language.Text("-")), NaturalOf(18)));

    /// <summary>A number of at most 15 digits before and after the point, with an exponent of at most 2.</summary>
    public static Language Number { get; } = Language.Join(
        Language.Optional(Language.Text("-")),
        Language.Any(Language.Text("0"), NaturalOf(15)),
        Language.Optional(Language.Join(Language.Text("."), new Language.Repeat(Digits, 1, 15))),
        Language.Optional(Language.Join(
            new Language.Character(CodePointSet.Of("eE")), Language.Optional(new Language.Character(CodePointSet.Of("+-"))), new Language.Repeat(Digits, 1, 2))));

    /// <summary>One character of a string, in any of the ways in which JSON can write it.</summary>
    public static Language AnyCharacter { get; } = Language.Any(
        new Language.Character(Plain),
        Language.Join(
            Language.Text("\\"),
            Language.Any(
                new Language.Character(CodePointSet.Of("\"\\/bfnrt")),
                Language.Join(Language.Text("u"), Language.Any(
                    Language.Join(Of("0123456789abcefABCEF"), Hex, Hex, Hex),
                    Language.Join(Of("dD"), Of("01234567"), Hex, Hex),
                    Language.Join(Of("dD"), Of("89abAB"), Hex, Hex, Language.Text("\\u"), Of("dD"), Of("cdefCDEF"), Hex, Hex))))));

    private static Language.Character Hex => new(Hexadecimal);

    /// <summary>One character of these, written in the usual way.</summary>
    public static Language Character(CodePointSet set)
    {
        CodePointSet plain = set.Except(Plain.Complement());
        List<Language> ways = plain.IsEmpty ? [] : [new Language.Character(plain)];
        foreach (char special in Enumerable.Range(0, 128).Where(value => set.Contains(value) && !Plain.Contains(value)).Select(value => (char)value))
        {
            int place = "\"\\\b\f\n\r\t".IndexOf(special, StringComparison.Ordinal);
            ways.Add(Language.Text(place >= 0 ? $"\\{"\"\\bfnrt"[place]}" : string.Create(CultureInfo.InvariantCulture, $"\\u{(int)special:x4}")));
        }

        return new Language.Choice(ways);
    }

    private static Language.Character Of(string characters) => new(CodePointSet.Of(characters));

    private static Language NaturalOf(int digits) =>
        Language.Join(new Language.Character(CodePointSet.Of(new CodePointRange('1', '9'))), new Language.Repeat(
            new Language.Character(CodePointSet.Of(new CodePointRange('0', '9'))), 0, digits - 1));
}
