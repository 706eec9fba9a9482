using System.Globalization;
using System.Text.Json.Nodes;
using Medix.Runs;
using Medix.Text;

namespace Medix.Weights.Gguf.Export;

/// <summary>The keys of a tokenizer, as llama.cpp's converter writes them for byte-level byte-pair encoding.</summary>
internal static class TokenizerMetadata
{
    private const int Normal = 1, Control = 3, UserDefined = 4, Unused = 5;

    private static readonly (string Kind, string Key)[] Special =
    [
        ("bos", "bos"), ("eos", "eos"), ("unk", "unknown"),
        // Misspelt in the format itself.
        ("sep", "seperator"),
        ("pad", "padding"), ("cls", "cls"), ("mask", "mask"),
    ];

    /// <summary>Adds the keys; the vocabulary is filled up with unused tokens to the <paramref name="rows"/> of the embedding.</summary>
    /// <exception cref="MedixException">The folder has no tokenizer of a kind that is read, or it has ids beyond the rows.</exception>
    public static void Add(MetadataList metadata, string folder, int rows)
    {
        TokenizerDefinition tokenizer = TokenizerReader.Read(folder);
        tokenizer.Validate(folder);
        int last = Math.Max(tokenizer.Vocabulary.Values.Max(), tokenizer.Added.Keys.DefaultIfEmpty().Max());
        if (last >= rows)
        {
            throw new MedixException($"{folder}: the tokenizer has the id {last}, but the model's vocabulary has {rows} rows. Take tokenizer and weights from one model.");
        }

        metadata.Add("tokenizer.ggml.model", "gpt2");
        metadata.Add("tokenizer.ggml.pre", tokenizer.Pattern == SplitPattern.Qwen2 ? "qwen2" : "gpt-2");
        AddTokens(metadata, tokenizer, rows);
        if (tokenizer.Merges.Count > 0)
        {
            metadata.Add("tokenizer.ggml.merges", GgufValue.Of([.. tokenizer.Merges.Select(merge => $"{Escaped(merge.Left)} {Escaped(merge.Right)}")]));
        }

        AddSpecial(metadata, tokenizer, folder, rows);
        if (Template(tokenizer, folder) is { } template)
        {
            metadata.Add("tokenizer.chat_template", template);
        }
    }

    private static void AddTokens(MetadataList metadata, TokenizerDefinition tokenizer, int rows)
    {
        string[] tokens = [.. Enumerable.Range(0, rows).Select(id => string.Create(CultureInfo.InvariantCulture, $"[PAD{id}]"))];
        int[] types = [.. Enumerable.Repeat(Unused, rows)];
        foreach ((string token, int id) in tokenizer.Vocabulary)
        {
            tokens[id] = token;
            types[id] = Normal;
        }

        foreach ((int id, AddedToken token) in tokenizer.Added)
        {
            bool control = token.Special || LooksSpecial(token.Content);
            tokens[id] = control ? token.Content : token.Content.Replace('\u2581', ' ');
            types[id] = control ? Control : UserDefined;
        }

        metadata.Add("tokenizer.ggml.tokens", GgufValue.Of(tokens));
        metadata.Add("tokenizer.ggml.token_type", GgufValue.Of(types));
    }

    /// <summary>Some models do not mark all their control tokens; the converter goes by the spelling too.</summary>
    private static bool LooksSpecial(string token) =>
        token is "<pad>" or "<mask>" or "<2mass>" or "[@BOS@]"
        || Encloses(token, "<|", "|>") || Encloses(token, "<\uFF5C", "\uFF5C>") || Encloses(token, "<unused", ">");

    private static bool Encloses(string token, string start, string end) => token.StartsWith(start, StringComparison.Ordinal) && token.EndsWith(end, StringComparison.Ordinal);

    // A merge in the file is one text, so that a space within a token needs its byte's symbol.
    private static string Escaped(string token) => token.Replace(' ', '\u0120');

    /// <summary>Ids named by the tokenizer come first, those that only the configuration knows after them.</summary>
    private static void AddSpecial(MetadataList metadata, TokenizerDefinition tokenizer, string folder, int rows)
    {
        JsonObject config = TokenizerJson.ReadObject(Path.Combine(folder, "config.json"));
        Dictionary<string, int> ids = tokenizer.Added.ToDictionary(pair => pair.Value.Content, pair => pair.Key, StringComparer.Ordinal);
        HashSet<string> known = new(StringComparer.Ordinal);
        foreach ((string kind, string key) in Special)
        {
            JsonNode? entry = tokenizer.Settings?[$"{kind}_token"];
            string? content = TextOf(entry) ?? TextOf((entry as JsonObject)?["content"]);
            if (content is not null && ids.TryGetValue(content, out int id) && known.Add(key))
            {
                metadata.Add($"tokenizer.ggml.{key}_token_id", id);
            }
        }

        foreach ((string kind, string key) in Special)
        {
            JsonNode? node = config[$"{kind}_token_id"] ?? (config["text_config"] as JsonObject)?[$"{kind}_token_id"];
            if (node is JsonValue value && value.TryGetValue(out int id) && id >= 0 && id < rows && known.Add(key))
            {
                metadata.Add($"tokenizer.ggml.{key}_token_id", id);
            }
        }

        foreach (string kind in (string[])["bos", "eos", "sep"])
        {
            if (tokenizer.Settings?[$"add_{kind}_token"] is JsonValue value && value.TryGetValue(out bool adds))
            {
                metadata.Add($"tokenizer.ggml.add_{kind}_token", GgufValue.Of(adds));
            }
        }
    }

    /// <summary>The chat template: that of the tokenizer's settings, else of a file of its own. Of several the one named "default".</summary>
    private static string? Template(TokenizerDefinition tokenizer, string folder)
    {
        if (tokenizer.Settings is { } settings && settings.ContainsKey("chat_template"))
        {
            return TextOf(settings["chat_template"])
                ?? TextOf((settings["chat_template"] as JsonArray)?.FirstOrDefault(entry => TextOf((entry as JsonObject)?["name"]) == "default")?["template"]);
        }

        string plain = Path.Combine(folder, "chat_template.jinja"), wrapped = Path.Combine(folder, "chat_template.json");
        if (File.Exists(plain))
        {
            TokenizerJson.CheckLength(plain);
            return File.ReadAllText(plain);
        }

        return File.Exists(wrapped) ? TextOf(TokenizerJson.ReadObject(wrapped)["chat_template"]) : null;
    }

    private static string? TextOf(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : null;
}
