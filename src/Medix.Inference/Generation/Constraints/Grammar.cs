namespace Medix.Inference.Generation.Constraints;

/// <summary>What a node of a grammar does.</summary>
internal enum NodeKind
{
    /// <summary>Reads a byte of a range and goes on to the next node.</summary>
    Read,

    /// <summary>Goes on to any of several nodes, reading nothing.</summary>
    Split,

    /// <summary>Enters a rule and, when that returns, goes on to the next node.</summary>
    Call,

    /// <summary>Returns from the rule.</summary>
    Return,
}

/// <summary>A node: <paramref name="Targets"/> for a split only, <paramref name="Rule"/> for a call only.</summary>
internal sealed record GrammarNode(NodeKind Kind, ByteRange Range, int Next, int Rule, int[] Targets);

/// <summary>A rule: its first node, and whether it is a level of nesting, of which there are at most <see cref="GrammarBuilder.MostNesting"/>.</summary>
internal readonly record struct GrammarRule(int Start, int Nesting);

/// <summary>
/// A grammar over bytes: a nondeterministic automaton whose rules can call each other (a pushdown automaton).
/// </summary>
/// <param name="Nodes">The nodes of all rules.</param>
/// <param name="Rules">The rules.</param>
/// <param name="Start">The first node of the whole.</param>
/// <param name="Needs">
/// [nodes] How many levels of nesting a node needs at least before its rule returns, so that nobody sets out on a way that cannot be completed.
/// </param>
/// <param name="ClassOf">[256] The class of each byte: bytes of a class are alike for every node.</param>
/// <param name="Examples">A byte of each class.</param>
internal sealed record Grammar(
    IReadOnlyList<GrammarNode> Nodes, IReadOnlyList<GrammarRule> Rules, int Start, int[] Needs, byte[] ClassOf, byte[] Examples);
