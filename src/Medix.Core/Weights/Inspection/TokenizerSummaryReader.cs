using System.Text.Json;
using Medix.Text;
using Medix.Weights.Encoders;

namespace Medix.Weights.Inspection;

/// <summary>Finds out what tokenizer a folder has, without building it.</summary>
internal static class TokenizerSummaryReader
{
    private const string ByteLevelBpe = "byte-level BPE";

    /// <summary>The folder's tokenizer, or null where it has none.</summary>
    public static TokenizerSummary? Read(string folder)
    {
        string At(string name) => Path.Combine(folder, name);
        bool template = HasChatTemplate(folder);
        if (File.Exists(At("tokenizer.json")))
        {
            return ReadWhole(At("tokenizer.json"), template);
        }

        if (File.Exists(At("vocab.json")))
        {
            using JsonDocument vocabulary = TokenizerJson.Read(At("vocab.json"));
            using JsonDocument? settings = File.Exists(At("tokenizer_config.json")) ? TokenizerJson.Read(At("tokenizer_config.json")) : null;
            HashSet<int> ids = [.. Ids(vocabulary.RootElement), .. AddedIds(settings)];
            return Summary(File.Exists(At("merges.txt")) ? ByteLevelBpe : "vocabulary without merges", ids, template, "vocab.json");
        }

        if (File.Exists(At("vocab.txt")))
        {
            TokenizerJson.CheckLength(At("vocab.txt"));
            return Summary("WordPiece", [.. Enumerable.Range(0, File.ReadLines(At("vocab.txt")).Count())], template, "vocab.txt");
        }

        if (File.Exists(At(EmbedderFiles.WordsFile)))
        {
            using JsonDocument document = TokenizerJson.Read(At(EmbedderFiles.WordsFile));
            JsonElement words = document.RootElement is { ValueKind: JsonValueKind.Array } list && list.GetArrayLength() > 0 ? list[0] : document.RootElement;
            return Summary("whole words", [.. Ids(words)], template, EmbedderFiles.WordsFile);
        }

        return File.Exists(At("tokenizer.model")) ? new TokenizerSummary("SentencePiece", null, template, "tokenizer.model") : null;
    }

    private static TokenizerSummary ReadWhole(string path, bool template)
    {
        using JsonDocument document = TokenizerJson.Read(path);
        JsonElement root = document.RootElement, model = TokenizerJson.Find(root, "model") ?? default;
        JsonElement vocabulary = TokenizerJson.Find(model, "vocab") ?? default;
        HashSet<int> ids = vocabulary.ValueKind == JsonValueKind.Array ? [.. Enumerable.Range(0, vocabulary.GetArrayLength())] : [.. Ids(vocabulary)];
        if (TokenizerJson.Find(root, "added_tokens") is { ValueKind: JsonValueKind.Array } added)
        {
            ids.UnionWith(added.EnumerateArray().Select(token => TokenizerJson.Find(token, "id")).OfType<JsonElement>().Where(IsId).Select(id => id.GetInt32()));
        }

        string type = TokenizerJson.Text(model, "type") ?? "unknown";
        bool bytes = HasByteLevel(TokenizerJson.Find(root, "pre_tokenizer") ?? default);
        return Summary(type == "BPE" && bytes ? ByteLevelBpe : type, ids, template, "tokenizer.json");
    }

    private static TokenizerSummary Summary(string kind, HashSet<int> ids, bool template, string file) =>
        new(kind, ids.Count, template, file) { LargestId = ids.Count == 0 ? -1 : ids.Max() };

    private static bool HasByteLevel(JsonElement step) => TokenizerJson.Text(step, "type") == "ByteLevel"
        || (TokenizerJson.Find(step, "pretokenizers") is { ValueKind: JsonValueKind.Array } steps && steps.EnumerateArray().Any(HasByteLevel));

    private static IEnumerable<int> Ids(JsonElement vocabulary) => vocabulary.ValueKind == JsonValueKind.Object
        ? vocabulary.EnumerateObject().Select(entry => entry.Value).Where(IsId).Select(id => id.GetInt32())
        : [];

    private static bool IsId(JsonElement id) => id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out int value) && value >= 0;

    private static IEnumerable<int> AddedIds(JsonDocument? settings) =>
        settings is not null && TokenizerJson.Find(settings.RootElement, "added_tokens_decoder") is { ValueKind: JsonValueKind.Object } added
            ? added.EnumerateObject().Select(entry => int.TryParse(entry.Name, out int id) ? id : -1).Where(id => id >= 0)
            : [];

    private static bool HasChatTemplate(string folder)
    {
        if (File.Exists(Path.Combine(folder, "chat_template.jinja")))
        {
            return true;
        }

        foreach (string path in ((string[])["chat_template.json", "tokenizer_config.json"]).Select(name => Path.Combine(folder, name)).Where(File.Exists))
        {
            using JsonDocument settings = TokenizerJson.Read(path);
            if (TokenizerJson.Find(settings.RootElement, "chat_template") is not null)
            {
                return true;
            }
        }

        return false;
    }
}
