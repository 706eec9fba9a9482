using System.Text;

namespace Medix.Inference.Generation.Constraints;

/// <summary>A set of texts, as a tree: what regular expressions and JSON schemas are translated to.</summary>
internal abstract record Language
{
    public static Language Text(string text) => new Literal(Encoding.UTF8.GetBytes(text));

    public static Language Join(params Language[] parts) => new Sequence(parts);

    public static Language Any(params Language[] parts) => new Choice(parts);

    public static Language Optional(Language part) => new Repeat(part, 0, 1);

    /// <summary>One text, by its bytes.</summary>
    public sealed record Literal(byte[] Bytes) : Language;

    /// <summary>One character of a set.</summary>
    public sealed record Character(CodePointSet Set) : Language;

    /// <summary>One after the other; none is the empty text.</summary>
    public sealed record Sequence(IReadOnlyList<Language> Parts) : Language;

    /// <summary>Any of them; none is no text at all.</summary>
    public sealed record Choice(IReadOnlyList<Language> Parts) : Language;

    /// <summary>The part <paramref name="Least"/> to <paramref name="Most"/> times; without limit where that is null.</summary>
    public sealed record Repeat(Language Part, int Least, int? Most) : Language;

    /// <summary>The texts of a rule of <see cref="GrammarBuilder"/>, which may refer to itself.</summary>
    public sealed record Rule(int Index) : Language;
}
