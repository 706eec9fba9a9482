using System.Text.Json.Nodes;
using Medix.Runs;

namespace Medix.Text;

/// <summary>
/// Everything a tokenizer's files say. <paramref name="Vocabulary"/> spells tokens in the byte alphabet; <paramref name="Merges"/> are in order
/// of rank. <paramref name="Settings"/> (tokenizer_config.json) and <paramref name="PostProcessor"/> are kept only to be written again.
/// </summary>
internal sealed record TokenizerDefinition(
    IReadOnlyDictionary<string, int> Vocabulary,
    IReadOnlyList<Merge> Merges,
    IReadOnlyDictionary<int, AddedToken> Added,
    SplitPattern Pattern,
    bool ComposesText,
    JsonObject? Settings = null,
    JsonNode? PostProcessor = null)
{
    // Tables are sized by the largest id, which comes from a file.
    private const int MaxId = 4_000_000;

    /// <summary>Throws <see cref="MedixException"/> naming <paramref name="source"/> and the first contradiction found.</summary>
    public void Validate(string source)
    {
        if ((FaultInIds() ?? FaultInAdded() ?? FaultInBytes() ?? FaultInMerges()) is { } fault)
        {
            throw new MedixException($"The tokenizer in {source} contradicts itself: {fault}. Take the tokenizer's files from one and the same model.");
        }
    }

    private string? FaultInIds()
    {
        Dictionary<int, string> tokens = new(Vocabulary.Count);
        foreach ((string token, int id) in Vocabulary)
        {
            if (id is < 0 or > MaxId)
            {
                return $"the token '{token}' has id {id}; expected 0 to {MaxId}";
            }

            if (!tokens.TryAdd(id, token))
            {
                return $"id {id} belongs to both '{tokens[id]}' and '{token}'; ids are unique";
            }
        }

        return Added.Where(pair => tokens.TryGetValue(pair.Key, out string? ordinary) && ordinary != pair.Value.Content)
            .Select(pair => $"id {pair.Key} belongs to the token '{tokens[pair.Key]}' and to the added token '{pair.Value.Content}'")
            .FirstOrDefault();
    }

    private string? FaultInAdded()
    {
        HashSet<string> contents = [];
        foreach ((int id, AddedToken token) in Added)
        {
            if (id is < 0 or > MaxId)
            {
                return $"the added token '{token.Content}' has id {id}; expected 0 to {MaxId}";
            }

            if (token.Content.Length == 0 || !contents.Add(token.Content))
            {
                return token.Content.Length == 0 ? $"the added token with id {id} is empty" : $"the added token '{token.Content}' is listed twice";
            }
        }

        return null;
    }

    private string? FaultInBytes()
    {
        for (int value = 0; value < 256; value++)
        {
            string symbol = ByteAlphabet.Symbol((byte)value).ToString();
            if (!Vocabulary.TryGetValue(symbol, out int id))
            {
                return $"byte {value} has no token ('{symbol}'); a byte-level vocabulary holds all 256";
            }

            if (Added.ContainsKey(id))
            {
                return $"the symbol of byte {value} ('{symbol}', id {id}) is an added token too; give the added token another id";
            }
        }

        return null;
    }

    private string? FaultInMerges()
    {
        for (int rank = 0; rank < Merges.Count; rank++)
        {
            Merge merge = Merges[rank];
            string? unknown = !Vocabulary.ContainsKey(merge.Left) ? merge.Left
                : !Vocabulary.ContainsKey(merge.Right) ? merge.Right
                : !Vocabulary.ContainsKey(merge.Product) ? merge.Product
                : null;
            if (unknown is not null)
            {
                return $"merge {rank + 1} ('{merge.Left} {merge.Right}') names '{unknown}', which the vocabulary does not have";
            }
        }

        return null;
    }
}

/// <summary>Two tokens, in the byte alphabet, that become one.</summary>
internal readonly record struct Merge(string Left, string Right)
{
    /// <summary>The token they become.</summary>
    public string Product => Left + Right;
}
