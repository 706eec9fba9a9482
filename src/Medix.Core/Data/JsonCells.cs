using System.Text.Json;

namespace Medix.Data;

/// <summary>JSON values as the plain objects the Parquet reader also gives: null, bool, long, double, string, list, dictionary.</summary>
internal static class JsonCells
{
    /// <summary>An object's fields by name; of a name that occurs twice the last value counts.</summary>
    public static Dictionary<string, object?> Fields(JsonElement element)
    {
        Dictionary<string, object?> fields = new(StringComparer.Ordinal);
        foreach (JsonProperty property in element.EnumerateObject())
        {
            fields[property.Name] = Value(property.Value);
        }

        return fields;
    }

    private static object? Value(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => element.GetString(),
        JsonValueKind.Number => element.TryGetInt64(out long whole) ? whole : element.GetDouble(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Array => (List<object?>)[.. element.EnumerateArray().Select(Value)],
        JsonValueKind.Object => Fields(element),
        _ => null,
    };
}
