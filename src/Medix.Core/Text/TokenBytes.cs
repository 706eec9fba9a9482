namespace Medix.Text;

/// <summary>The bytes every token id stands for, end to end in one array.</summary>
internal sealed class TokenBytes
{
    private readonly byte[] _bytes;
    private readonly int[] _ends;

    public TokenBytes(TokenizerDefinition definition)
    {
        IEnumerable<int> ids = definition.Vocabulary.Values.Concat(definition.Added.Keys);
        string?[] tokens = new string?[ids.Max() + 1];
        foreach ((string token, int id) in definition.Vocabulary)
        {
            tokens[id] = token;
        }

        foreach ((int id, AddedToken token) in definition.Added)
        {
            tokens[id] = token.Content;
        }

        List<byte> bytes = new(tokens.Length * 8);
        _ends = new int[tokens.Length];
        for (int id = 0; id < tokens.Length; id++)
        {
            bytes.AddRange(ByteAlphabet.Decode(tokens[id] ?? ""));
            _ends[id] = bytes.Count;
        }

        _bytes = [.. bytes];
    }

    /// <summary>The largest id plus one.</summary>
    public int Count => _ends.Length;

    /// <summary>The bytes of an id; none where it has no token.</summary>
    public ReadOnlySpan<byte> this[int id]
    {
        get
        {
            if ((uint)id >= (uint)_ends.Length)
            {
                return [];
            }

            int start = id == 0 ? 0 : _ends[id - 1];
            return _bytes.AsSpan(start, _ends[id] - start);
        }
    }
}
