using System.Text.Json;
using Medix.Runs;

namespace Medix.Weights;

/// <summary>
/// Typed access to the fields of one JSON object of a configuration file. Every error names the file, the field's path, the value and what
/// was expected; a required field has no default, because library defaults differ between versions where the files do not.
/// </summary>
internal sealed class JsonFields
{
    private readonly JsonElement _element;
    private readonly string _file;
    private readonly string _path;

    private JsonFields(JsonElement element, string file, string path)
    {
        _element = element;
        _file = file;
        _path = path;
    }

    public static JsonFields Load(string file)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(file));
            JsonElement root = document.RootElement.Clone();
            return root.ValueKind == JsonValueKind.Object
                ? new JsonFields(root, file, "")
                : throw new MedixException($"{file}: it holds a JSON {root.ValueKind}, expected an object. Fetch or save the file again.");
        }
        catch (JsonException error)
        {
            throw new MedixException($"{file}: it is not valid JSON ({error.Message.TrimEnd('.')}). Fetch or save the file again.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MedixException($"{file}: it cannot be read ({error.Message.TrimEnd('.')}). Check the path and its permissions.", error);
        }
    }

    /// <summary>An object inside a file, under the path <paramref name="path"/>, which ends in a dot.</summary>
    public static JsonFields Of(JsonElement element, string file, string path) => element.ValueKind == JsonValueKind.Object
        ? new JsonFields(element, file, path)
        : throw new MedixException($"{file}: {path.TrimEnd('.')} is a JSON {element.ValueKind}, expected an object. Fetch or save the file again.");

    /// <summary>Whether the field is there with a value other than null.</summary>
    public bool Has(string name) => Get(name).ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null);

    public JsonFields Object(string name) => Get(name).ValueKind == JsonValueKind.Object
        ? new JsonFields(Get(name), _file, $"{_path}{name}.")
        : throw Wrong(name, "an object");

    /// <summary>The nested object, or null where the field is absent or null.</summary>
    public JsonFields? OptionalObject(string name) => Has(name) ? Object(name) : null;

    /// <summary>An integer in [<paramref name="least"/>, <paramref name="most"/>].</summary>
    public int Int(string name, int least = 1, int most = int.MaxValue)
    {
        string expected = most == int.MaxValue ? $"an integer of at least {least}" : $"an integer from {least} to {most}";
        return Get(name).ValueKind == JsonValueKind.Number && Get(name).TryGetInt32(out int value) && value >= least && value <= most
            ? value
            : throw Wrong(name, expected);
    }

    /// <summary>An integer of at least <paramref name="least"/>.</summary>
    public long Long(string name, long least = 0) =>
        Get(name).ValueKind == JsonValueKind.Number && Get(name).TryGetInt64(out long value) && value >= least
            ? value
            : throw Wrong(name, $"an integer of at least {least}");

    /// <summary>A finite number above zero.</summary>
    public double Positive(string name) =>
        Get(name).ValueKind == JsonValueKind.Number && Get(name).TryGetDouble(out double value) && value > 0 && double.IsFinite(value)
            ? value
            : throw Wrong(name, "a number above 0");

    public string Text(string name) => Get(name).ValueKind == JsonValueKind.String ? Get(name).GetString()! : throw Wrong(name, "a text");

    public bool Bool(string name, bool absent) => !Has(name) ? absent : Get(name).ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Wrong(name, "true or false"),
    };

    /// <summary>An array of integers of at least <paramref name="least"/>; a lone integer counts as an array of one.</summary>
    public int[] Ints(string name, int least = 0)
    {
        JsonElement element = Get(name);
        if (element.ValueKind == JsonValueKind.Number)
        {
            return [Int(name, least)];
        }

        if (element.ValueKind != JsonValueKind.Array)
        {
            throw Wrong(name, "an array of integers");
        }

        return [.. element.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out int value) && value >= least
            ? value
            : throw Wrong(name, $"integers of at least {least}"))];
    }

    /// <summary>An array of finite numbers.</summary>
    public double[] Doubles(string name)
    {
        JsonElement element = Get(name);
        if (element.ValueKind != JsonValueKind.Array)
        {
            throw Wrong(name, "an array of numbers");
        }

        return [.. element.EnumerateArray().Select(item =>
            item.ValueKind == JsonValueKind.Number && item.TryGetDouble(out double value) && double.IsFinite(value)
                ? value
                : throw Wrong(name, "an array of numbers"))];
    }

    /// <summary>An array of texts, or empty where the field is absent.</summary>
    public string[] Texts(string name) => !Has(name)
        ? []
        : Get(name).ValueKind == JsonValueKind.Array
            && Get(name).EnumerateArray().All(item => item.ValueKind == JsonValueKind.String)
            ? [.. Get(name).EnumerateArray().Select(item => item.GetString()!)]
            : throw Wrong(name, "an array of texts");

    /// <summary>Name and text of every entry of an object of texts, in the file's order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> TextEntries() =>
        [.. _element.EnumerateObject().Select(entry => new KeyValuePair<string, string>(entry.Name, Text(entry.Name)))];

    /// <summary>Name and number of every entry of an object of numbers, in the file's order.</summary>
    public IReadOnlyList<KeyValuePair<string, double>> NumberEntries() =>
        [.. _element.EnumerateObject().Select(entry => new KeyValuePair<string, double>(entry.Name, Positive(entry.Name)))];

    /// <summary>An error about a field whose value is readable but not acceptable.</summary>
    public MedixException Wrong(string name, string expected)
    {
        JsonElement element = Get(name);
        string found = element.ValueKind == JsonValueKind.Undefined ? "missing" : $"{Shorten(element.GetRawText())}";
        return new MedixException($"{_file}: {_path}{name} is {found}, expected {expected}. Take the file from the model's own folder, or correct it.");
    }

    private static string Shorten(string text) => text.Length <= 80 ? text : text[..80] + "…";

    private JsonElement Get(string name) => _element.TryGetProperty(name, out JsonElement value) ? value : default;
}
