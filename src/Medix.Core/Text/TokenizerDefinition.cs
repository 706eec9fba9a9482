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
        Dictionary<int, string> tokens = CheckIds(source);
        CheckAdded(source, tokens);
        for (int value = 0; value < 256; value++)
        {
            string symbol = ByteAlphabet.Symbol((byte)value).ToString();
            Require(Vocabulary.TryGetValue(symbol, out int id), source, $"byte {value} has no token ('{symbol}'); a byte-level vocabulary holds all 256");
            Require(!Added.ContainsKey(id), source, $"the symbol of byte {value} ('{symbol}', id {id}) is an added token too; give the added token another id");
        }

        for (int rank = 0; rank < Merges.Count; rank++)
        {
            Merge merge = Merges[rank];
            foreach (string token in (string[])[merge.Left, merge.Right, merge.Product])
            {
                Require(Vocabulary.ContainsKey(token), source, $"merge {rank + 1} ('{merge.Left} {merge.Right}') names '{token}', which the vocabulary does not have");
            }
        }
    }

    private Dictionary<int, string> CheckIds(string source)
    {
        Dictionary<int, string> tokens = new(Vocabulary.Count);
        foreach ((string token, int id) in Vocabulary)
        {
            CheckRange(source, token, id);
            Require(tokens.TryAdd(id, token), source, $"id {id} belongs to both '{tokens[id]}' and '{token}'; ids are unique");
        }

        return tokens;
    }

    private void CheckAdded(string source, Dictionary<int, string> tokens)
    {
        HashSet<string> contents = [];
        foreach ((int id, AddedToken token) in Added)
        {
            CheckRange(source, token.Content, id);
            Require(token.Content.Length > 0, source, $"the added token with id {id} is empty");
            Require(contents.Add(token.Content), source, $"the added token '{token.Content}' is listed twice");
            string? ordinary = tokens.GetValueOrDefault(id);
            Require(ordinary is null || ordinary == token.Content, source, $"id {id} belongs to the token '{ordinary}' and to the added token '{token.Content}'");
        }
    }

    private static void CheckRange(string source, string token, int id) =>
        Require(id is >= 0 and <= MaxId, source, $"the token '{token}' has id {id}; expected 0 to {MaxId}");

    private static void Require(bool holds, string source, string fault)
    {
        if (!holds)
        {
            throw new MedixException($"The tokenizer in {source} contradicts itself: {fault}. Take the tokenizer's files from one and the same model.");
        }
    }
}

/// <summary>Two tokens, in the byte alphabet, that become one.</summary>
internal readonly record struct Merge(string Left, string Right)
{
    /// <summary>The token they become.</summary>
    public string Product => Left + Right;
}
