using System.Text.Json;
using Medix.Runs;

namespace Medix.Weights.Inspection;

/// <summary>What the small files of a model's folder say about its tokenizer and its licence.</summary>
public static class FolderTexts
{
    /// <summary>The tokenizer, or null where the folder has none.</summary>
    public static InspectedTokenizer? Tokenizer(string folder)
    {
        bool Has(string name) => File.Exists(Path.Combine(folder, name));
        bool template = Has("chat_template.json") || Has("chat_template.jinja")
            || (Has("tokenizer_config.json") && File.ReadAllText(Path.Combine(folder, "tokenizer_config.json")).Contains("\"chat_template\"", StringComparison.Ordinal));
        if (Has("tokenizer.json"))
        {
            using JsonDocument document = Parse(Path.Combine(folder, "tokenizer.json"));
            JsonElement model = document.RootElement.TryGetProperty("model", out JsonElement found) ? found : default;
            string kind = model.ValueKind == JsonValueKind.Object && model.TryGetProperty("type", out JsonElement type) ? type.GetString() ?? "unknown" : "unknown";
            int? size = model.ValueKind == JsonValueKind.Object && model.TryGetProperty("vocab", out JsonElement vocabulary)
                ? vocabulary.ValueKind == JsonValueKind.Object ? vocabulary.EnumerateObject().Count() : vocabulary.GetArrayLength()
                : null;
            int added = document.RootElement.TryGetProperty("added_tokens", out JsonElement tokens) && tokens.ValueKind == JsonValueKind.Array ? Beyond(tokens, size ?? 0) : 0;
            return new(kind, size + added, template);
        }

        if (Has("vocab.json") && Has("merges.txt"))
        {
            using JsonDocument document = Parse(Path.Combine(folder, "vocab.json"));
            return new("BPE", document.RootElement.EnumerateObject().Count(), template);
        }

        return Has("vocab.txt") ? new("WordPiece", File.ReadLines(Path.Combine(folder, "vocab.txt")).Count(), template) : null;
    }

    /// <summary>The licence that the model card's front matter names, or the first line of a LICENSE file, or null.</summary>
    public static string? Licence(string folder)
    {
        string card = Path.Combine(folder, "README.md");
        if (File.Exists(card) && FrontMatter(card, "license") is { } named)
        {
            return named == "other" ? FrontMatter(card, "license_name") ?? named : named;
        }

        string? file = Directory.EnumerateFiles(folder, "LICENSE*").Order(StringComparer.Ordinal).FirstOrDefault();
        return file is null ? null : File.ReadLines(file).Select(line => line.Trim()).FirstOrDefault(line => line.Length > 0);
    }

    /// <summary>A plain value of a markdown file's front matter, or null.</summary>
    public static string? FrontMatter(string path, string key)
    {
        using StreamReader reader = new(path);
        if (reader.ReadLine()?.Trim() != "---")
        {
            return null;
        }

        while (reader.ReadLine() is { } line && line.Trim() != "---")
        {
            if (line.StartsWith(key + ":", StringComparison.Ordinal))
            {
                string value = line[(key.Length + 1)..].Trim().Trim('"', '\'');
                return value.Length > 0 ? value : null;
            }
        }

        return null;
    }

    private static int Beyond(JsonElement tokens, int vocabulary) =>
        tokens.EnumerateArray().Count(token => token.TryGetProperty("id", out JsonElement id) && id.TryGetInt32(out int value) && value >= vocabulary);

    private static JsonDocument Parse(string path)
    {
        try
        {
            return JsonDocument.Parse(File.ReadAllBytes(path));
        }
        catch (JsonException error)
        {
            throw new MedixException($"{path}: it is not valid JSON ({error.Message.TrimEnd('.')}). Fetch or save the file again.", error);
        }
    }
}
