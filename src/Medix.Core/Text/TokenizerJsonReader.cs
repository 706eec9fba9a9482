using System.Text.Json;
using System.Text.Json.Nodes;
using Medix.Runs;

namespace Medix.Text;

/// <summary>Reads tokenizer.json, as far as byte-level tokenizers of the GPT-2 and Qwen2 kind need it, and refuses what would change the ids.</summary>
internal static class TokenizerJsonReader
{
    /// <summary>Reads the file.</summary>
    public static TokenizerDefinition Read(string path, JsonObject? settings)
    {
        using JsonDocument document = TokenizerJson.Read(path);
        JsonElement root = document.RootElement;
        JsonElement model = TokenizerJson.Find(root, "model") ?? throw Unsupported(path, "there is no 'model'", "one of type BPE");
        CheckModel(path, model);
        JsonElement vocabulary = TokenizerJson.Find(model, "vocab") ?? throw Unsupported(path, "model has no 'vocab'", "an object of token to id");
        JsonElement? post = TokenizerJson.Find(root, "post_processor");
        return new TokenizerDefinition(
            TokenizerJson.Vocabulary(vocabulary, path),
            ReadMerges(path, model),
            ReadAdded(path, root),
            ReadPattern(path, TokenizerJson.Find(root, "pre_tokenizer")),
            ReadNormalizer(path, TokenizerJson.Find(root, "normalizer")),
            settings,
            post is { } element ? JsonNode.Parse(element.GetRawText()) : null);
    }

    private static void CheckModel(string path, JsonElement model)
    {
        string? type = TokenizerJson.Text(model, "type");
        // Files before 2020 name no type.
        if (type is not (null or "BPE"))
        {
            throw Unsupported(path, $"model.type is '{type}'", "BPE");
        }

        foreach (string name in (string[])["byte_fallback", "ignore_merges"])
        {
            if (TokenizerJson.IsTrue(model, name))
            {
                throw Unsupported(path, $"model.{name} is true", "false");
            }
        }

        foreach (string name in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (TokenizerJson.Text(model, name) is { Length: > 0 } affix)
            {
                throw Unsupported(path, $"model.{name} is '{affix}'", "none");
            }
        }

        if (TokenizerJson.Find(model, "dropout") is { } dropout && dropout.GetRawText() is not ("0" or "0.0"))
        {
            throw Unsupported(path, $"model.dropout is {dropout.GetRawText()}", "none");
        }
    }

    private static List<Merge> ReadMerges(string path, JsonElement model)
    {
        if (TokenizerJson.Find(model, "merges") is not { ValueKind: JsonValueKind.Array } listed)
        {
            throw Unsupported(path, "model has no list 'merges'", "a list of pairs or of texts \"left right\"");
        }

        List<Merge> merges = new(listed.GetArrayLength());
        foreach (JsonElement entry in listed.EnumerateArray())
        {
            string place = $"{path}, merge {merges.Count + 1}";
            merges.Add(entry.ValueKind switch
            {
                JsonValueKind.String => TokenizerJson.ParseMerge(entry.GetString()!, place),
                JsonValueKind.Array when entry.GetArrayLength() == 2 && entry.EnumerateArray().All(part => part.ValueKind == JsonValueKind.String) =>
                    new Merge(entry[0].GetString()!, entry[1].GetString()!),
                _ => throw new MedixException($"{place} is {entry.GetRawText()}; expected two tokens, as a pair or as one text with a space."),
            });
        }

        return merges;
    }

    private static Dictionary<int, AddedToken> ReadAdded(string path, JsonElement root)
    {
        Dictionary<int, AddedToken> added = [];
        if (TokenizerJson.Find(root, "added_tokens") is { ValueKind: JsonValueKind.Array } listed)
        {
            foreach (JsonElement entry in listed.EnumerateArray())
            {
                string place = $"{path}, added token {added.Count + 1}";
                AddedToken token = TokenizerJson.Added(entry, place);
                if (TokenizerJson.Find(entry, "id") is not { ValueKind: JsonValueKind.Number } number || !number.TryGetInt32(out int id))
                {
                    throw new MedixException($"{place} ('{token.Content}') has no whole number 'id'.");
                }

                if (!added.TryAdd(id, token))
                {
                    throw new MedixException($"{place}: id {id} belongs to both '{added[id].Content}' and '{token.Content}'; ids are unique.");
                }
            }
        }

        return added;
    }

    private static bool ReadNormalizer(string path, JsonElement? normalizer)
    {
        if (normalizer is not { } element)
        {
            return false;
        }

        string? type = TokenizerJson.Text(element, "type");
        IEnumerable<JsonElement> steps = type == "Sequence" && TokenizerJson.Find(element, "normalizers") is { ValueKind: JsonValueKind.Array } listed
            ? listed.EnumerateArray()
            : [element];
        return steps.All(step => TokenizerJson.Text(step, "type") == "NFC")
            ? steps.Any()
            : throw Unsupported(path, $"normalizer is {element.GetRawText()}", "NFC or none");
    }

    private static SplitPattern ReadPattern(string path, JsonElement? preTokenizer)
    {
        if (preTokenizer is { } element)
        {
            JsonElement[] steps = TokenizerJson.Text(element, "type") == "Sequence" && TokenizerJson.Find(element, "pretokenizers") is { } listed
                ? [.. listed.EnumerateArray()]
                : [element];
            // use_regex is true where it is not spelled.
            if (steps is [var only] && IsByteLevel(only) && TokenizerJson.Find(only, "use_regex") is not { ValueKind: JsonValueKind.False })
            {
                return SplitPattern.Gpt2;
            }

            if (steps is [var split, var bytes] && IsQwenSplit(split) && IsByteLevel(bytes)
                && TokenizerJson.Find(bytes, "use_regex") is { ValueKind: JsonValueKind.False })
            {
                return SplitPattern.Qwen2;
            }
        }

        string found = preTokenizer?.GetRawText() ?? "missing";
        throw Unsupported(path, $"pre_tokenizer is {found}", "ByteLevel with its own pattern, or Qwen2's Split and ByteLevel");
    }

    private static bool IsByteLevel(JsonElement step) =>
        TokenizerJson.Text(step, "type") == "ByteLevel" && !TokenizerJson.IsTrue(step, "add_prefix_space");

    private static bool IsQwenSplit(JsonElement step) =>
        TokenizerJson.Text(step, "type") == "Split"
        && TokenizerJson.Text(step, "behavior") == "Isolated"
        && !TokenizerJson.IsTrue(step, "invert")
        && TokenizerJson.Find(step, "pattern") is { } pattern
        && TokenizerJson.Text(pattern, "Regex") == WordSplitter.Qwen2Text;

    private static MedixException Unsupported(string path, string found, string expected) =>
        new($"{path}: {found}; expected {expected}. Only byte-level BPE tokenizers of the GPT-2 and Qwen2 kind are read.");
}
