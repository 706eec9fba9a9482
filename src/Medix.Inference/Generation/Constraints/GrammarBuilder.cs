using Medix.Runs;

namespace Medix.Inference.Generation.Constraints;

/// <summary>
/// Translates languages to nodes (Thompson, "Regular expression search algorithm", 1968), back to front, so that every node's next one exists already.
/// Refuses what would grow too large, accepts nothing or calls itself without reading.
/// </summary>
/// <param name="source">What is compiled, to begin an error with: "The pattern '…'".</param>
internal sealed class GrammarBuilder(string source)
{
    /// <summary>The most nodes of a grammar.</summary>
    public const int MostNodes = 100_000;

    /// <summary>The most levels of JSON objects and arrays: what System.Text.Json reads unless told otherwise.</summary>
    public const int MostNesting = 64;

    /// <summary>No way leads to the rule's end.</summary>
    public const int Never = int.MaxValue;

    private readonly List<GrammarNode> nodes = [];
    private readonly List<GrammarRule> rules = [];
    private readonly Dictionary<GrammarRead, int> reads = [];

    /// <summary>A rule whose texts are set later, for use within itself.</summary>
    public Language.Rule Reserve()
    {
        rules.Add(default);
        return new Language.Rule(rules.Count - 1);
    }

    /// <summary>Sets a reserved rule's texts.</summary>
    public void Set(Language.Rule rule, Language texts, bool nesting = false) =>
        rules[rule.Index] = new GrammarRule(Compile(texts, Add(NodeKind.Return)), nesting ? 1 : 0);

    /// <summary>A rule of these texts: what is used in several places is compiled once.</summary>
    public Language.Rule Define(Language texts, bool nesting = false)
    {
        Language.Rule rule = Reserve();
        Set(rule, texts, nesting);
        return rule;
    }

    /// <summary>The grammar of these texts.</summary>
    public Grammar Build(Language texts)
    {
        int start = Compile(texts, Add(NodeKind.Return));
        LeftRecursion.Refuse(nodes, rules, source);
        int[] needs = Nesting.Needs(nodes, rules);
        if (needs[start] > MostNesting)
        {
            throw Fault(needs[start] == Never ? "accepts no text at all" : $"needs {needs[start]} levels of nesting, at most {MostNesting} are allowed");
        }

        bool[] begins = new bool[257];
        foreach (GrammarNode node in nodes.Where(node => node.Kind == NodeKind.Read))
        {
            begins[node.Range.First] = begins[node.Range.Last + 1] = true;
        }

        byte[] classes = new byte[256];
        List<byte> examples = [0];
        for (int value = 1; value < 256; value++)
        {
            if (begins[value])
            {
                examples.Add((byte)value);
            }

            classes[value] = (byte)(examples.Count - 1);
        }

        return new Grammar(nodes, rules, start, needs, classes, [.. examples]);
    }

    private int Compile(Language language, int next)
    {
        switch (language)
        {
            case Language.Literal literal:
                return literal.Bytes.Reverse().Aggregate(next, (to, value) => Read(new ByteRange(value, value), to));
            case Language.Character character:
                return Split([.. character.Set.Ranges.SelectMany(Utf8Ranges.Of).Select(bytes => bytes.Reverse().Aggregate(next, (to, range) => Read(range, to)))]);
            case Language.Sequence sequence:
                return sequence.Parts.Reverse().Aggregate(next, (to, part) => Compile(part, to));
            case Language.Choice choice:
                return Split([.. choice.Parts.Select(part => Compile(part, next))]);
            case Language.Repeat repeat:
                return CompileRepeat(repeat, next);
            case Language.Rule rule:
                return Add(NodeKind.Call, next: next, rule: rule.Index);
            default:
                throw new ArgumentOutOfRangeException(nameof(language));
        }
    }

    private int CompileRepeat(Language.Repeat repeat, int next)
    {
        Language part = repeat.Part;
        int copies = repeat.Most ?? (repeat.Least + 1);
        if (copies > 1 && part is not (Language.Rule or Language.Literal { Bytes.Length: 1 }))
        {
            part = Define(part);
        }

        int start = next;
        if (repeat.Most is not { } most)
        {
            start = Add(NodeKind.Split);
            nodes[start] = nodes[start] with { Targets = [Compile(part, start), next] };
        }
        else
        {
            for (int i = repeat.Least; i < most; i++)
            {
                start = Split([Compile(part, start), next]);
            }
        }

        for (int i = 0; i < repeat.Least; i++)
        {
            start = Compile(part, start);
        }

        return start;
    }

    private int Split(int[] targets) => targets.Length == 1 ? targets[0] : Add(NodeKind.Split, targets: targets);

    private int Read(ByteRange range, int next)
    {
        GrammarRead read = new(range, next);
        if (!reads.TryGetValue(read, out int node))
        {
            node = Add(NodeKind.Read, range, next);
            reads.Add(read, node);
        }

        return node;
    }

    private int Add(NodeKind kind, ByteRange range = default, int next = -1, int rule = -1, int[]? targets = null)
    {
        if (nodes.Count == MostNodes)
        {
            throw Fault($"grows beyond {MostNodes} automaton nodes: use smaller repetition counts or fewer alternatives");
        }

        nodes.Add(new GrammarNode(kind, range, next, rule, targets ?? []));
        return nodes.Count - 1;
    }

    private MedixException Fault(string fault) => new($"{source} {fault}.");

    private readonly record struct GrammarRead(ByteRange Range, int Next);
}
