using System.Text.Json;
using Medix.Runs;

namespace Medix.Text.Encoders;

/// <summary>Reads an encoder tokenizer's files and refuses what would change the ids.</summary>
internal static class EncoderTokenizerReader
{
    private const int DefaultMaxCharacters = 100;
    private static readonly string[] BertTokens = ["pad_token", "unk_token", "cls_token", "sep_token", "mask_token"];

    public static EncoderDefinition Read(string folder)
    {
        string whole = Path.Combine(folder, "tokenizer.json"), words = Path.Combine(folder, "vocab.txt");
        try
        {
            return File.Exists(whole) ? ReadWhole(whole, Settings(folder))
                : File.Exists(words) ? ReadWords(words, Settings(folder))
                : throw new MedixException($"{folder}: there is neither tokenizer.json nor vocab.txt. Fetch the tokenizer's files of the model into this folder.");
        }
        catch (InvalidOperationException fault)
        {
            // The JSON reader's word for a text with half a surrogate pair.
            throw new MedixException($"The tokenizer files in '{folder}' hold a text that is not valid Unicode: {fault.Message} Fetch the files again.", fault);
        }
    }

    private static JsonElement Settings(string folder)
    {
        string path = Path.Combine(folder, "tokenizer_config.json");
        if (!File.Exists(path))
        {
            return default;
        }

        using JsonDocument document = TokenizerJson.Read(path);
        return document.RootElement.Clone();
    }

    private static EncoderDefinition ReadWhole(string path, JsonElement settings)
    {
        using JsonDocument document = TokenizerJson.Read(path);
        JsonElement root = document.RootElement;
        JsonElement model = TokenizerJson.Find(root, "model") ?? throw PipelineSteps.Unsupported(path, "there is no 'model'", "WordPiece or Unigram");
        (SubwordModel words, Dictionary<string, int> vocabulary) = TokenizerJson.Text(model, "type") switch
        {
            "WordPiece" => ReadWordPiece(path, model),
            "Unigram" => ReadUnigram(path, model),
            var type => throw PipelineSteps.Unsupported(path, $"model.type is '{type ?? "missing"}'", "WordPiece or Unigram"),
        };
        (IReadOnlyList<TemplatePart> single, IReadOnlyList<TemplatePart> pair) = PipelineSteps.Templates(path, TokenizerJson.Find(root, "post_processor"));
        return new EncoderDefinition(
            vocabulary, words, ReadAdded(path, root),
            PipelineSteps.Normalizer(path, TokenizerJson.Find(root, "normalizer"), settings),
            PipelineSteps.Split(path, TokenizerJson.Find(root, "pre_tokenizer")), single, pair);
    }

    private static (SubwordModel Model, Dictionary<string, int> Vocabulary) ReadWordPiece(string path, JsonElement model)
    {
        JsonElement listed = TokenizerJson.Find(model, "vocab") ?? throw PipelineSteps.Unsupported(path, "model has no 'vocab'", "an object of token to id");
        Dictionary<string, int> vocabulary = TokenizerJson.Vocabulary(listed, path);
        string unknown = TokenizerJson.Text(model, "unk_token") ?? "[UNK]";
        int most = TokenizerJson.Find(model, "max_input_chars_per_word") is { ValueKind: JsonValueKind.Number } limit && limit.TryGetInt32(out int value) && value > 0
            ? value
            : DefaultMaxCharacters;
        string continuation = TokenizerJson.Text(model, "continuing_subword_prefix") ?? "##";
        return (new WordPieceModel(vocabulary, RequireId(path, vocabulary, unknown), continuation, most), vocabulary);
    }

    private static (SubwordModel Model, Dictionary<string, int> Vocabulary) ReadUnigram(string path, JsonElement model)
    {
        if (TokenizerJson.IsTrue(model, "byte_fallback"))
        {
            throw PipelineSteps.Unsupported(path, "model.byte_fallback is true", "false");
        }

        if (TokenizerJson.Find(model, "vocab") is not { ValueKind: JsonValueKind.Array } listed || listed.GetArrayLength() == 0)
        {
            throw PipelineSteps.Unsupported(path, "model has no list 'vocab'", "a list of tokens with their scores");
        }

        List<ScoredToken> tokens = new(listed.GetArrayLength());
        Dictionary<string, int> vocabulary = new(StringComparer.Ordinal);
        foreach (JsonElement entry in listed.EnumerateArray())
        {
            if (entry.ValueKind != JsonValueKind.Array || entry.GetArrayLength() != 2 || entry[0].ValueKind != JsonValueKind.String
                || entry[1].ValueKind != JsonValueKind.Number || !double.IsFinite(entry[1].GetDouble()) || !vocabulary.TryAdd(entry[0].GetString()!, tokens.Count))
            {
                throw PipelineSteps.Unsupported(path, $"entry {tokens.Count} of model.vocab is {entry.GetRawText()}", "a token that is listed once, with its score");
            }

            tokens.Add(new ScoredToken(entry[0].GetString()!, entry[1].GetDouble()));
        }

        JsonElement? named = TokenizerJson.Find(model, "unk_id");
        int unknown = -1;
        return named is null || (named is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out unknown) && unknown >= 0 && unknown < tokens.Count)
            ? (new UnigramModel([.. tokens], named is null ? null : unknown), vocabulary)
            : throw PipelineSteps.Unsupported(path, $"model.unk_id is {named}", $"0 to {tokens.Count - 1}");
    }

    private static Dictionary<int, AddedToken> ReadAdded(string path, JsonElement root)
    {
        Dictionary<int, AddedToken> added = [];
        if (TokenizerJson.Find(root, "added_tokens") is { ValueKind: JsonValueKind.Array } listed)
        {
            foreach (JsonElement entry in listed.EnumerateArray())
            {
                if (TokenizerJson.Find(entry, "id") is not { ValueKind: JsonValueKind.Number } id || !id.TryGetInt32(out int number)
                    || TokenizerJson.Text(entry, "content") is not { Length: > 0 } || !added.TryAdd(number, TokenizerJson.Added(entry, path)))
                {
                    throw PipelineSteps.Unsupported(path, $"an added token is {entry.GetRawText()}", "an id of its own and a text 'content'");
                }
            }
        }

        return added;
    }

    /// <summary>BERT's original form: a token a line. The rest is settings, with the original's defaults.</summary>
    private static EncoderDefinition ReadWords(string path, JsonElement settings)
    {
        TokenizerJson.CheckLength(path);
        Dictionary<string, int> vocabulary = new(StringComparer.Ordinal);
        int lines = 0;
        foreach (string line in File.ReadLines(path))
        {
            // Of a repeated token the later id counts, as in the original reader.
            vocabulary[line] = lines++;
        }

        string Name(string setting, string usual) => SpecialText(settings, setting) ?? usual;
        int unknown = RequireId(path, vocabulary, Name("unk_token", "[UNK]"));
        int first = RequireId(path, vocabulary, Name("cls_token", "[CLS]")), last = RequireId(path, vocabulary, Name("sep_token", "[SEP]"));
        IEnumerable<string> special = BertTokens.Select(setting => Name(setting, $"[{setting[..^6].ToUpperInvariant()}]")).Where(vocabulary.ContainsKey).Distinct();
        (IReadOnlyList<TemplatePart> single, IReadOnlyList<TemplatePart> pair) = PipelineSteps.BertTemplates(first, last);
        return new EncoderDefinition(
            vocabulary, new WordPieceModel(vocabulary, unknown, "##", DefaultMaxCharacters),
            special.ToDictionary(token => vocabulary[token], token => new AddedToken(token)),
            PipelineSteps.Bert(default, settings), WordSplits.Bert, single, pair);
    }

    // A special token is a text, or an object with its content.
    private static string? SpecialText(JsonElement settings, string name) =>
        TokenizerJson.Text(settings, name) ?? (TokenizerJson.Find(settings, name) is { } token ? TokenizerJson.Text(token, "content") : null);

    private static int RequireId(string path, Dictionary<string, int> vocabulary, string token) =>
        vocabulary.TryGetValue(token, out int id) ? id : throw PipelineSteps.Unsupported(path, $"the vocabulary has no token '{token}'", "that token among the others");
}
