using System.Text.Json;
using System.Text.Json.Nodes;
using Medix.Runs;

namespace Medix.Text;

/// <summary>Reads a tokenizer's files in either of the two forms that models are published in.</summary>
internal static class TokenizerReader
{
    private const string VersionLine = "#version:";

    /// <summary>Reads tokenizer.json if it is there, else vocab.json, merges.txt and tokenizer_config.json.</summary>
    public static TokenizerDefinition Read(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new MedixException($"There is no tokenizer folder '{folder}'. Name the folder that holds the model's tokenizer.json.");
        }

        try
        {
            return ReadFiles(folder);
        }
        catch (InvalidOperationException fault)
        {
            // The JSON reader's word for a text with half a surrogate pair.
            throw new MedixException($"The tokenizer files in '{folder}' hold a text that is not valid Unicode: {fault.Message} Fetch the files again.", fault);
        }
    }

    private static TokenizerDefinition ReadFiles(string folder)
    {
        string settingsPath = Path.Combine(folder, "tokenizer_config.json");
        JsonObject? settings = File.Exists(settingsPath) ? TokenizerJson.ReadObject(settingsPath) : null;
        string whole = Path.Combine(folder, "tokenizer.json");
        return File.Exists(whole) ? TokenizerJsonReader.Read(whole, settings) : ReadParts(folder, settingsPath, settings);
    }

    private static TokenizerDefinition ReadParts(string folder, string settingsPath, JsonObject? settings)
    {
        foreach (string name in (string[])["vocab.json", "merges.txt", "tokenizer_config.json"])
        {
            if (!File.Exists(Path.Combine(folder, name)))
            {
                throw new MedixException(
                    $"The tokenizer folder '{folder}' has no tokenizer.json and no {name}. "
                    + "Expected tokenizer.json, or vocab.json with merges.txt and tokenizer_config.json.");
            }
        }

        bool composes = PatternOf(settingsPath, settings!) == SplitPattern.Qwen2;
        Task<List<Merge>> merges = Task.Run(() => ReadMerges(Path.Combine(folder, "merges.txt")));
        return new TokenizerDefinition(
            ReadVocabulary(Path.Combine(folder, "vocab.json")),
            merges.GetAwaiter().GetResult(),
            ReadAdded(settingsPath, settings!),
            composes ? SplitPattern.Qwen2 : SplitPattern.Gpt2,
            composes,
            settings);
    }

    private static SplitPattern PatternOf(string path, JsonObject settings)
    {
        string? name = settings["tokenizer_class"]?.ToString();
        return name switch
        {
            "Qwen2Tokenizer" or "Qwen2TokenizerFast" => SplitPattern.Qwen2,
            "GPT2Tokenizer" or "GPT2TokenizerFast" => SplitPattern.Gpt2,
            _ => throw new MedixException(
                $"{path}: tokenizer_class is '{name}'; expected Qwen2Tokenizer or GPT2Tokenizer. Other classes need a tokenizer.json."),
        };
    }

    private static Dictionary<string, int> ReadVocabulary(string path)
    {
        using JsonDocument document = TokenizerJson.Read(path);
        return TokenizerJson.Vocabulary(document.RootElement, path);
    }

    // Only the first line can be the header: other lines that begin with # are merges.
    private static List<Merge> ReadMerges(string path)
    {
        TokenizerJson.CheckLength(path);
        List<Merge> merges = [];
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            if (line.Length > 0 && !(number == 1 && line.StartsWith(VersionLine, StringComparison.Ordinal)))
            {
                merges.Add(TokenizerJson.ParseMerge(line, $"{path}, line {number}"));
            }
        }

        return merges;
    }

    private static Dictionary<int, AddedToken> ReadAdded(string path, JsonObject settings)
    {
        if (settings["added_tokens_decoder"] is not JsonObject listed)
        {
            return [];
        }

        using JsonDocument document = JsonDocument.Parse(listed.ToJsonString());
        Dictionary<int, AddedToken> added = [];
        foreach (JsonProperty entry in document.RootElement.EnumerateObject())
        {
            if (!int.TryParse(entry.Name, out int id) || !added.TryAdd(id, TokenizerJson.Added(entry.Value, $"{path}, added_tokens_decoder '{entry.Name}'")))
            {
                throw new MedixException($"{path}: added_tokens_decoder has the key '{entry.Name}'; expected each token id once, as a number.");
            }
        }

        return added;
    }
}
