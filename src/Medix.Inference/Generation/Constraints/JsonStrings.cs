using System.Text.Json;

namespace Medix.Inference.Generation.Constraints;

/// <summary>The strings of a JSON schema: of a length, with a pattern, or in a format.</summary>
internal static class JsonStrings
{
    private const string Date =
        @"(?:\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))"
        + @"|(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)";

    private const string Time = @"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)";

    /// <summary>Formats as patterns: dates and times of RFC 3339, without leap seconds, and UUIDs of RFC 9562.</summary>
    private static readonly OrderedDictionary<string, string> Formats = new(StringComparer.Ordinal)
    {
        ["date"] = Date,
        ["date-time"] = $"{Date}T{Time}",
        ["time"] = Time,
        ["uuid"] = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    };

    /// <summary>Throws where a schema names a format that is not known, whatever its type: nobody would see that it was not kept.</summary>
    public static void RequireFormat(JsonElement schema, string path)
    {
        if (schema.TryGetProperty("format", out JsonElement format) && !Formats.ContainsKey(format.ToString()))
        {
            throw JsonSchemaCompiler.Fault(
                path, $"has the format '{OutputConstraint.Shortened(format.ToString())}', which is not supported. Supported are {string.Join(", ", Formats.Keys)}");
        }
    }

    /// <summary>The strings with their quotes.</summary>
    public static Language.Sequence Of(JsonElement schema, Language anyCharacter, string path) =>
        new([Language.Text("\""), Contents(schema, anyCharacter, path), Language.Text("\"")]);

    private static Language Contents(JsonElement schema, Language anyCharacter, string path)
    {
        if (schema.TryGetProperty("format", out JsonElement format))
        {
            RequireAlone("format", ["pattern", "minLength", "maxLength"], schema, path);
            return RegexParser.WholeText(Formats[format.ToString()], JsonText.Character);
        }

        if (schema.TryGetProperty("pattern", out JsonElement pattern))
        {
            RequireAlone("pattern", ["minLength", "maxLength"], schema, path);
            return pattern.ValueKind == JsonValueKind.String
                ? RegexParser.Anywhere(pattern.GetString()!, JsonText.Character)
                : throw JsonSchemaCompiler.Fault(path, "has a pattern that is not a text");
        }

        int least = JsonSchemaCompiler.Limit(schema, "minLength", path) ?? 0;
        int? most = JsonSchemaCompiler.Limit(schema, "maxLength", path);
        JsonContainers.RequireOrder(least, most, "minLength", "maxLength", path);
        return new Language.Repeat(anyCharacter, least, most);
    }

    private static void RequireAlone(string keyword, string[] others, JsonElement schema, string path)
    {
        if (others.FirstOrDefault(name => schema.TryGetProperty(name, out JsonElement value) && !(name == "minLength" && value.GetRawText() == "0")) is { } other)
        {
            throw JsonSchemaCompiler.Fault(path, $"uses '{keyword}' together with '{other}', which is not supported: put both into one pattern");
        }
    }
}
