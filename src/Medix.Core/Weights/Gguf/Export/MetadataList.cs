namespace Medix.Weights.Gguf.Export;

/// <summary>Metadata in the order in which they are added.</summary>
internal sealed class MetadataList
{
    private readonly List<KeyValuePair<string, GgufValue>> _entries = [];

    public IReadOnlyList<KeyValuePair<string, GgufValue>> Entries => _entries;

    public void Add(string key, GgufValue value) => _entries.Add(new(key, value));

    /// <summary>A size or an id, which GGUF keeps as 32 unsigned bits.</summary>
    public void Add(string key, int value) => Add(key, GgufValue.Of((uint)value));

    public void Add(string key, double value) => Add(key, GgufValue.Of((float)value));

    public void Add(string key, string value) => Add(key, GgufValue.Of(value));

    /// <summary>Puts the keys at the end, in this order.</summary>
    public void MoveToEnd(params ReadOnlySpan<string> keys)
    {
        foreach (string key in keys)
        {
            int at = _entries.FindIndex(entry => entry.Key == key);
            KeyValuePair<string, GgufValue> entry = _entries[at];
            _entries.RemoveAt(at);
            _entries.Add(entry);
        }
    }
}
