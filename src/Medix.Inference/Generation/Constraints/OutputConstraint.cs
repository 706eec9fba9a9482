using System.Runtime.CompilerServices;
using System.Text;
using Medix.Runs;

namespace Medix.Inference.Generation.Constraints;

/// <summary>
/// A set of texts that a completion must come from, compiled once and shared by any number of draws. Before each token, the sampler is told which tokens keep
/// the text completable; that set depends on the automaton's state alone and is kept (Willard and Louf, arXiv 2307.09702). The vocabulary needs a token for
/// every byte, as byte-level tokenizers have.
/// </summary>
public sealed class OutputConstraint
{
    private readonly Grammar grammar;
    private readonly ConditionalWeakTable<TokenVocabulary, Automaton> automata = [];

    private OutputConstraint(Grammar grammar) => this.grammar = grammar;

    /// <summary>
    /// Texts that match a regular expression as a whole. Supported: literals, <c>.</c> (not a line break), classes and ranges, <c>\d \w \s \D \W \S</c> (ASCII, as
    /// .NET's ECMAScript option), <c>\n \r \t \v \f \0 \xHH \uHHHH</c>, groups (capturing or not), alternation, <c>* + ? {m} {m,} {m,n}</c>; the lazy forms mean the
    /// same set of texts. A <c>^</c> at the start and a <c>$</c> at the end of an alternative are redundant. A character is a code point.
    /// </summary>
    /// <exception cref="MedixException">The pattern is broken, too large, or uses what is not supported: the message names it and its place.</exception>
    public static OutputConstraint Regex(string pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        GrammarBuilder builder = new($"The pattern '{Shortened(pattern)}'");
        return new OutputConstraint(builder.Build(RegexParser.WholeText(pattern, set => new Language.Character(set))));
    }

    /// <summary>
    /// JSON texts that a schema accepts. Supported: <c>type</c> (one or several), <c>properties</c>, <c>required</c>, <c>additionalProperties</c> (false or true),
    /// <c>items</c>, <c>minItems</c>, <c>maxItems</c>, <c>pattern</c>, <c>minLength</c>, <c>maxLength</c>, <c>format</c> (<c>date</c>, <c>time</c>, <c>date-time</c>,
    /// <c>uuid</c>), <c>minimum</c>, <c>maximum</c>, <c>exclusiveMinimum</c>, <c>exclusiveMaximum</c> (of integers only), <c>const</c>, <c>enum</c>, <c>anyOf</c>,
    /// <c>oneOf</c> (of alternatives that exclude each other by type, const, enum, a range of integers or a required property; others are refused), <c>allOf</c> of one,
    /// and <c>$ref</c> within the schema, recursive ones too, to 64 levels of nesting.
    /// Annotations are ignored. Properties come in the schema's order and no others are written; an object without <c>properties</c> is free.
    /// Integers have at most 18 digits; other numbers at most 15 before and 15 after the point and an exponent of 2. Times have an offset and no leap seconds.
    /// </summary>
    /// <exception cref="MedixException">The schema is not JSON, is too large, accepts nothing, or uses a keyword that is not supported, which the message names.</exception>
    public static OutputConstraint JsonSchema(string schema, JsonSpacing spacing = JsonSpacing.Compact)
    {
        ArgumentNullException.ThrowIfNull(schema);
        return new OutputConstraint(JsonSchemaCompiler.Compile(schema, spacing));
    }

    /// <summary>Whether a text is in the set.</summary>
    public bool Accepts(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Automaton automaton = new(grammar, null);
        return Encoding.UTF8.GetBytes(text).Aggregate(automaton.Start, automaton.Step).Accepting;
    }

    /// <summary>A draw's place in the set, before its first token.</summary>
    internal ConstraintState Start(TokenVocabulary vocabulary) =>
        new(automata.GetValue(vocabulary, known => new Automaton(grammar, known.Trie)), vocabulary);

    internal static string Shortened(string text) => text.Length <= 80 ? text : $"{text.AsSpan(0, 80)}…";
}
