using System.Text.Json;
using System.Text.Json.Nodes;
using Medix.Runs;

namespace Medix.Text;

/// <summary>The pieces of JSON that the tokenizer's files have in common, with errors that name the file and the place.</summary>
internal static class TokenizerJson
{
    // The largest published files of this kind are about 15 MB.
    private const long MaxBytes = 256L << 20;

    /// <summary>Parses a whole file.</summary>
    public static JsonDocument Read(string path) => Read(path, default);

    /// <summary>Parses a whole file that holds an object.</summary>
    public static JsonObject ReadObject(string path)
    {
        using JsonDocument document = Read(path, new JsonDocumentOptions { AllowDuplicateProperties = false });
        return document.RootElement.ValueKind == JsonValueKind.Object
            ? JsonObject.Create(document.RootElement.Clone())!
            : throw new MedixException($"{path} holds a JSON {document.RootElement.ValueKind}; expected an object.");
    }

    /// <summary>Refuses a file far larger than any tokenizer's.</summary>
    public static void CheckLength(string path)
    {
        long length = new FileInfo(path).Length;
        if (length > MaxBytes)
        {
            throw new MedixException($"{path} has {length} bytes; a tokenizer file has at most {MaxBytes}. Check that the folder is the right one.");
        }
    }

    private static JsonDocument Read(string path, JsonDocumentOptions options)
    {
        CheckLength(path);
        try
        {
            using FileStream stream = File.OpenRead(path);
            return JsonDocument.Parse(stream, options);
        }
        catch (JsonException fault)
        {
            throw new MedixException($"{path} is not valid JSON: {fault.Message} Fetch the file again.", fault);
        }
    }

    /// <summary>A property, or null where the parent is no object or the property is missing or null.</summary>
    public static JsonElement? Find(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>The text of a property, or null.</summary>
    public static string? Text(JsonElement parent, string name) =>
        Find(parent, name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    /// <summary>Whether a property is true.</summary>
    public static bool IsTrue(JsonElement parent, string name) => Find(parent, name) is { ValueKind: JsonValueKind.True };

    /// <summary>Token → id.</summary>
    public static Dictionary<string, int> Vocabulary(JsonElement element, string place)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw new MedixException($"{place}: the vocabulary is a JSON {element.ValueKind}; expected an object of token to id.");
        }

        Dictionary<string, int> vocabulary = new(StringComparer.Ordinal);
        foreach (JsonProperty entry in element.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.Number || !entry.Value.TryGetInt32(out int id))
            {
                throw new MedixException($"{place}: the id of token '{entry.Name}' is {entry.Value.GetRawText()}; expected a whole number.");
            }

            if (!vocabulary.TryAdd(entry.Name, id))
            {
                throw new MedixException($"{place}: the token '{entry.Name}' is listed twice; expected each token once.");
            }
        }

        return vocabulary;
    }

    /// <summary>A merge spelled "left right".</summary>
    public static Merge ParseMerge(string line, string place)
    {
        int space = line.IndexOf(' ', StringComparison.Ordinal);
        return space > 0 && space < line.Length - 1 && line.IndexOf(' ', space + 1) < 0
            ? new Merge(line[..space], line[(space + 1)..])
            : throw new MedixException($"{place}: the merge is '{line}'; expected two tokens with one space between them.");
    }

    /// <summary>An added token without its id.</summary>
    public static AddedToken Added(JsonElement entry, string place) => new(
        Text(entry, "content") ?? throw new MedixException($"{place}: the added token has no text 'content'."),
        IsTrue(entry, "special"), IsTrue(entry, "single_word"), IsTrue(entry, "lstrip"), IsTrue(entry, "rstrip"), IsTrue(entry, "normalized"));
}
