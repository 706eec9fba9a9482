using System.Text.Json.Nodes;
using Medix.Runs;
using Medix.Text;

namespace Medix.Weights.Gguf.Import;

/// <summary>Rebuilds a Qwen tokenizer from GGUF metadata.</summary>
internal static class GgufTokenizerReader
{
    public const string Tokens = "tokenizer.ggml.tokens";
    public const string ChatTemplate = "tokenizer.chat_template";
    public const string EndOfTurn = "tokenizer.ggml.eos_token_id";
    public const string Padding = "tokenizer.ggml.padding_token_id";
    public const string Begin = "tokenizer.ggml.bos_token_id";

    private const string Model = "tokenizer.ggml.model";
    private const string PreTokenizer = "tokenizer.ggml.pre";
    private const string Types = "tokenizer.ggml.token_type";
    private const string Merges = "tokenizer.ggml.merges";
    private const string AddsBegin = "tokenizer.ggml.add_bos_token";

    // llama.cpp's converter marks every added token that looks like <|…|> as control; these the published tokenizers keep in decoded text.
    private static readonly string[] KeptInText = ["<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"];

    private enum TokenType
    {
        Normal = 1,
        Control = 3,
        UserDefined = 4,
        Unused = 5,
    }

    /// <summary>Reads and validates; rows without a token (<c>[PAD…]</c>) are left out.</summary>
    public static TokenizerDefinition Read(GgufMetadata metadata)
    {
        Require(metadata, Model, "gpt2", "byte-level byte-pair encoding");
        Require(metadata, PreTokenizer, "qwen2", "the word pattern of Qwen2 and Qwen3");
        if (metadata.Flag(AddsBegin, absent: false))
        {
            throw metadata.Wrong(AddsBegin, "false: Qwen's texts begin with no token of their own");
        }

        string[] tokens = metadata.Texts(Tokens);
        int[] types = metadata.Ints(Types);
        if (types.Length != tokens.Length)
        {
            throw metadata.Wrong(Types, $"one type for each of the {tokens.Length} tokens");
        }

        Dictionary<string, int> vocabulary = new(StringComparer.Ordinal);
        Dictionary<int, AddedToken> added = [];
        for (int id = 0; id < tokens.Length; id++)
        {
            Add(metadata, tokens[id], id, (TokenType)types[id], vocabulary, added);
        }

        string place = $"{metadata.File}, {Merges}";
        TokenizerDefinition definition = new(
            vocabulary, [.. metadata.Texts(Merges).Select(line => TokenizerJson.ParseMerge(line, place))], added, SplitPattern.Qwen2, ComposesText: true,
            Settings(metadata, tokens, added));
        definition.Validate(metadata.File);
        return definition;
    }

    private static void Add(GgufMetadata metadata, string token, int id, TokenType type, Dictionary<string, int> vocabulary, Dictionary<int, AddedToken> added)
    {
        switch (type)
        {
            case TokenType.Normal when token.Length == 0 || !vocabulary.TryAdd(token, id):
                throw new MedixException($"{metadata.File}: token {id} of '{Tokens}' is '{token}', which is empty or there twice. Fetch or convert the file again.");
            case TokenType.Normal or TokenType.Unused:
                break;
            case TokenType.Control or TokenType.UserDefined:
                added.Add(id, new(token, Special: type == TokenType.Control && !KeptInText.Contains(token, StringComparer.Ordinal)));
                break;
            default:
                throw new MedixException(
                    $"{metadata.File}: token {id} ('{token}') has type {(int)type} in '{Types}', expected 1 (normal), 3 (control), 4 (added) or 5 (unused). "
                    + "Use a file of a Qwen3 or Qwen3-VL model.");
        }
    }

    private static void Require(GgufMetadata metadata, string key, string value, string meaning)
    {
        if (metadata.Text(key) != value)
        {
            throw metadata.Wrong(key, $"\"{value}\", {meaning}: the only kind of tokenizer read from GGUF files");
        }
    }

    /// <summary>What <c>tokenizer_config.json</c> says, in the words of the published files.</summary>
    private static JsonObject Settings(GgufMetadata metadata, string[] tokens, Dictionary<int, AddedToken> added)
    {
        string? Named(string key) => metadata.Has(key) ? tokens[metadata.Number(key, 0, tokens.Length - 1)] : null;
        string? padding = Named(Padding);
        JsonObject settings = new()
        {
            ["add_bos_token"] = false,
            ["add_prefix_space"] = false,
            ["additional_special_tokens"] = new JsonArray(
                [.. added.OrderBy(pair => pair.Key).Where(pair => pair.Value.Special && pair.Value.Content != padding).Select(pair => (JsonNode)pair.Value.Content)]),
            ["bos_token"] = null,
            ["clean_up_tokenization_spaces"] = false,
            ["eos_token"] = Named(EndOfTurn),
            ["errors"] = "replace",
            ["pad_token"] = padding,
            ["split_special_tokens"] = false,
            ["tokenizer_class"] = "Qwen2Tokenizer",
            ["unk_token"] = null,
        };
        string length = $"{metadata.Text("general.architecture")}.context_length";
        if (metadata.Has(length))
        {
            settings["model_max_length"] = metadata.Number(length);
        }

        if (metadata.Has(ChatTemplate))
        {
            settings["chat_template"] = metadata.Text(ChatTemplate);
        }

        return settings;
    }
}
