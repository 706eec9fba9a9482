using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Medix.Text;

/// <summary>Writes a tokenizer as tokenizer.json and tokenizer_config.json, in the form that Hugging Face's libraries read.</summary>
internal static class TokenizerWriter
{
    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes both files, each under a temporary name first.</summary>
    public static void Write(TokenizerDefinition definition, string folder)
    {
        Directory.CreateDirectory(folder);
        WriteFile(Path.Combine(folder, "tokenizer.json"), Whole(definition));
        WriteFile(Path.Combine(folder, "tokenizer_config.json"), Settings(definition));
    }

    private static void WriteFile(string path, JsonObject content)
    {
        string temporary = path + ".tmp";
        File.WriteAllText(temporary, content.ToJsonString(Format) + "\n");
        File.Move(temporary, path, overwrite: true);
    }

    private static JsonObject Whole(TokenizerDefinition definition) => new()
    {
        ["version"] = "1.0",
        ["truncation"] = null,
        ["padding"] = null,
        ["added_tokens"] = new JsonArray([.. definition.Added.OrderBy(pair => pair.Key).Select(pair => AddedEntry(pair.Value, pair.Key))]),
        ["normalizer"] = definition.ComposesText ? new JsonObject { ["type"] = "NFC" } : null,
        ["pre_tokenizer"] = PreTokenizer(definition.Pattern),
        ["post_processor"] = definition.PostProcessor?.DeepClone() ?? ByteLevel(false),
        ["decoder"] = ByteLevel(false),
        ["model"] = new JsonObject
        {
            ["type"] = "BPE",
            ["dropout"] = null,
            ["unk_token"] = null,
            ["continuing_subword_prefix"] = "",
            ["end_of_word_suffix"] = "",
            ["fuse_unk"] = false,
            ["byte_fallback"] = false,
            ["ignore_merges"] = false,
            ["vocab"] = new JsonObject(definition.Vocabulary.OrderBy(pair => pair.Value).Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))),
            // Texts, not pairs: older readers know only these.
            ["merges"] = new JsonArray([.. definition.Merges.Select(merge => (JsonNode)$"{merge.Left} {merge.Right}")]),
        },
    };

    private static JsonObject PreTokenizer(SplitPattern pattern) => pattern == SplitPattern.Gpt2
        ? ByteLevel(true)
        : new JsonObject
        {
            ["type"] = "Sequence",
            ["pretokenizers"] = new JsonArray(
                new JsonObject
                {
                    ["type"] = "Split",
                    ["pattern"] = new JsonObject { ["Regex"] = WordSplitter.Qwen2Text },
                    ["behavior"] = "Isolated",
                    ["invert"] = false,
                },
                ByteLevel(false)),
        };

    private static JsonObject ByteLevel(bool pattern) => new()
    {
        ["type"] = "ByteLevel",
        ["add_prefix_space"] = false,
        ["trim_offsets"] = false,
        ["use_regex"] = pattern,
    };

    private static JsonObject Settings(TokenizerDefinition definition)
    {
        JsonObject settings = (JsonObject?)definition.Settings?.DeepClone() ?? DefaultSettings(definition);
        settings["added_tokens_decoder"] = new JsonObject(definition.Added.OrderBy(pair => pair.Key)
            .Select(pair => KeyValuePair.Create($"{pair.Key}", (JsonNode?)AddedEntry(pair.Value, null))));
        return settings;
    }

    private static JsonObject DefaultSettings(TokenizerDefinition definition)
    {
        bool Has(string token) => definition.Added.Values.Any(added => added.Content == token);
        JsonObject settings = new()
        {
            ["tokenizer_class"] = definition.Pattern == SplitPattern.Qwen2 ? "Qwen2Tokenizer" : "PreTrainedTokenizerFast",
            ["add_prefix_space"] = false,
            ["bos_token"] = null,
            ["eos_token"] = Has("<|im_end|>") ? "<|im_end|>" : null,
            ["pad_token"] = Has("<|endoftext|>") ? "<|endoftext|>" : null,
            ["unk_token"] = null,
            ["errors"] = "replace",
            ["clean_up_tokenization_spaces"] = false,
            ["split_special_tokens"] = false,
        };
        if (Has("<|im_start|>"))
        {
            settings["chat_template"] = ReadTemplate();
        }

        return settings;
    }

    // The part of the Qwen3-VL template that this product trains with: no tools, no videos.
    private static string ReadTemplate()
    {
        using Stream stream = typeof(TokenizerWriter).Assembly.GetManifestResourceStream("Medix.Text.chat_template.jinja")!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    private static JsonObject AddedEntry(AddedToken token, int? id)
    {
        JsonObject entry = id is null ? [] : new JsonObject { ["id"] = id };
        entry["content"] = token.Content;
        entry["single_word"] = token.SingleWord;
        entry["lstrip"] = token.LeftStrip;
        entry["rstrip"] = token.RightStrip;
        entry["normalized"] = token.Normalized;
        entry["special"] = token.Special;
        return entry;
    }
}
