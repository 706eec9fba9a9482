namespace Medix.Inference.Generation.Constraints;

/// <summary>
/// The visible bytes of a vocabulary as a tree, in depth-first order: a node is one byte after those of its parent, and a walk that leaves a subtree out jumps
/// to <see cref="AfterSubtree"/>. Tokens that show nothing are not in it.
/// </summary>
internal sealed class TokenTrie
{
    private readonly int[] tokens;
    private readonly TrieNode[] nodes;

    public TokenTrie(byte[][] vocabulary)
    {
        Tokens = vocabulary.Length;
        tokens = [.. Enumerable.Range(0, vocabulary.Length).Where(id => vocabulary[id].Length > 0)];
        Array.Sort(tokens, (a, b) => vocabulary[a].AsSpan().SequenceCompareTo(vocabulary[b]));
        List<TrieNode> built = [];
        ReadOnlySpan<byte> last = [];
        for (int i = 0; i < tokens.Length; i++)
        {
            ReadOnlySpan<byte> token = vocabulary[tokens[i]];
            for (int depth = token.CommonPrefixLength(last); depth < token.Length; depth++)
            {
                built.Add(new TrieNode(token[depth], depth + 1, i, i, 0));
            }

            // The token's own node is the last one, also where an equal token came before.
            built[^1] = built[^1] with { LastToken = i + 1 };
            last = token;
            Depth = Math.Max(Depth, token.Length);
        }

        nodes = [.. built];
        SetSubtrees();
    }

    /// <summary>The largest token id plus one.</summary>
    public int Tokens { get; }

    /// <summary>The number of nodes; the empty root is not one.</summary>
    public int Nodes => nodes.Length;

    /// <summary>Bytes of the longest token.</summary>
    public int Depth { get; }

    public byte ByteOf(int node) => nodes[node].Byte;

    /// <summary>Bytes up to and including the node's: at least 1.</summary>
    public int DepthOf(int node) => nodes[node].Depth;

    /// <summary>The first node that is not below this one.</summary>
    public int AfterSubtree(int node) => nodes[node].After;

    /// <summary>The tokens whose last byte the node is.</summary>
    public ReadOnlySpan<int> EndingAt(int node) => tokens.AsSpan(nodes[node].FirstToken, nodes[node].LastToken - nodes[node].FirstToken);

    private void SetSubtrees()
    {
        int[] next = new int[Depth + 2];
        Array.Fill(next, nodes.Length);
        for (int node = nodes.Length - 1; node >= 0; node--)
        {
            // The nearest later node that is not deeper.
            int depth = nodes[node].Depth;
            nodes[node] = nodes[node] with { After = next[depth] };
            Array.Fill(next, node, depth, next.Length - depth);
        }
    }

    private readonly record struct TrieNode(byte Byte, int Depth, int FirstToken, int LastToken, int After);
}
