namespace Medix.Inference.Generation.Constraints;

/// <summary>Reads a class of characters, from after its opening bracket to after its closing one.</summary>
internal sealed class RegexClassParser(RegexParser parser)
{
    public static CodePointSet Digits { get; } = CodePointSet.Of(new CodePointRange('0', '9'));

    public static CodePointSet Words { get; } =
        CodePointSet.Of(new CodePointRange('0', '9'), new CodePointRange('A', 'Z'), new CodePointRange('_', '_'), new CodePointRange('a', 'z'));

    public static CodePointSet Spaces { get; } = CodePointSet.Of(" \t\n\v\f\r");

    public CodePointSet Parse()
    {
        bool negated = parser.Take('^');
        CodePointSet set = CodePointSet.Of([]);
        if (parser.At("]"))
        {
            throw parser.Fault("a class that begins with ']' means different things elsewhere: write '\\]'");
        }

        while (!parser.Take(']'))
        {
            set = set.Union(Item());
        }

        return negated ? set.Complement() : set;
    }

    private CodePointSet Item()
    {
        if (parser.At("-["))
        {
            throw parser.Fault("class subtraction is not supported: write '\\[' for the bracket itself");
        }

        CodePointSet first = One();
        if (!parser.At("-") || parser.At("-]") || parser.At("-["))
        {
            return first;
        }

        parser.Take('-');
        CodePointSet last = One();
        return IsOne(first) && IsOne(last) && first.Ranges[0].First <= last.Ranges[0].First
            ? CodePointSet.Of(new CodePointRange(first.Ranges[0].First, last.Ranges[0].First))
            : throw parser.Fault("a range in a class runs from one character to a later one");
    }

    private CodePointSet One()
    {
        if (parser.AtEnd)
        {
            throw parser.Fault("a class is not closed");
        }

        if (parser.At("\\"))
        {
            return parser.At("\\b") ? throw parser.Fault("the escape '\\b' is not supported") : parser.Escape(inClass: true);
        }

        int value = parser.CodePoint();
        return CodePointSet.Of(new CodePointRange(value, value));
    }

    private static bool IsOne(CodePointSet set) => set.Ranges.Count == 1 && set.Ranges[0].First == set.Ranges[0].Last;
}
