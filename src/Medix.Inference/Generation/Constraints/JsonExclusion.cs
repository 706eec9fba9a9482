using System.Text.Json;

namespace Medix.Inference.Generation.Constraints;

/// <summary>
/// Whether alternatives of a JSON schema exclude each other: no value that is written for one is valid for the other. Told by types, by the values of const and enum,
/// by ranges of integers and by required properties; what these do not tell apart counts as overlapping.
/// </summary>
/// <param name="resolve">The subschema that a reference's pointer names.</param>
internal sealed class JsonExclusion(Func<string, JsonElement> resolve)
{
    /// <summary>Pairs of subschemas, properties and values compared at most, some seconds' worth.</summary>
    private const int MostSteps = 1_000_000;

    /// <summary>Levels of references and properties followed at most: they may go in circles.</summary>
    private const int Deepest = 64;

    private static readonly string[] AllTypes = ["object", "array", "string", "number", "boolean", "null"];
    private long steps;
    private int depth;

    /// <summary>Whether so much was compared that nothing more is: what is not seen to exclude each other may do so.</summary>
    public bool IsExhausted => steps > MostSteps;

    /// <summary>Whether the two are seen to exclude each other.</summary>
    public bool Between(JsonElement a, JsonElement b) => NothingOf(a, b) && NothingOf(b, a);

    /// <summary>Whether no value written for a schema is valid for another. Where no type is named, values of any are valid, and written are those of its keywords.</summary>
    private bool NothingOf(JsonElement written, JsonElement other)
    {
        depth++;
        bool nothing = ++steps <= MostSteps && depth <= Deepest && NothingInside(written, other);
        depth--;
        return nothing;
    }

    private bool NothingInside(JsonElement written, JsonElement other)
    {
        if (Parts(written) is { } parts)
        {
            return parts.All(part => NothingOf(part, other));
        }

        if (Parts(other) is { } others)
        {
            return others.All(part => NothingOf(written, part));
        }

        return (Values(written), Values(other)) switch
        {
            ({ } texts, { } valid) => Differ(texts, valid),
            ({ } texts, null) => !texts.Any(value => ValidTypes(other).Any(type => IsOf(value, type, other))),
            (null, { } valid) => !valid.Any(value => WrittenTypes(written).Any(type => IsOf(value, type, written))),
            _ => WrittenTypes(written).All(type => ValidTypes(other).All(valid => Excluded(type, written, valid, other))),
        };
    }

    /// <summary>The schemas that this one is an alternative of or stands for; null where it is none of these.</summary>
    private JsonElement[]? Parts(JsonElement schema)
    {
        if (schema.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        return schema.TryGetProperty("$ref", out JsonElement pointer) ? [resolve(pointer.GetString()!)]
            : ((string[])["anyOf", "oneOf", "allOf"]).FirstOrDefault(keyword => schema.TryGetProperty(keyword, out _)) is { } keyword
                ? [.. schema.GetProperty(keyword).EnumerateArray()]
                : null;
    }

    private static JsonElement[]? Values(JsonElement schema)
    {
        if (schema.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        IEnumerable<JsonElement>? values = schema.TryGetProperty("const", out JsonElement only) ? [only]
            : schema.TryGetProperty("enum", out JsonElement several) ? several.EnumerateArray() : null;
        return values is null ? null : [.. values.Where(value => ValidTypes(schema).Any(type => JsonSchemaCompiler.IsOfType(value, type)))];
    }

    private bool Differ(JsonElement[] texts, JsonElement[] valid)
    {
        steps += (long)texts.Length * valid.Length;
        return steps <= MostSteps && !texts.Any(text => valid.Any(value => Same(text, value)));
    }

    private static bool Same(JsonElement a, JsonElement b)
    {
        try
        {
            return JsonElement.DeepEquals(a, b);
        }
        catch (ArgumentOutOfRangeException)
        {
            // An exponent beyond 32 bits, which the comparison refuses.
            return true;
        }
    }

    private static bool IsOf(JsonElement value, string type, JsonElement schema) =>
        JsonSchemaCompiler.IsOfType(value, type) && (type != "integer" || JsonIntegerRange.Of(schema, "").MayHold(value));

    private static string[] ValidTypes(JsonElement schema) =>
        schema.ValueKind == JsonValueKind.Object && JsonSchemaCompiler.Types(schema, "") is { Length: > 0 } types ? types : AllTypes;

    private static string[] WrittenTypes(JsonElement schema) =>
        schema.ValueKind == JsonValueKind.Object && JsonSchemaCompiler.TypesWritten(schema, "") is { Length: > 0 } types ? types : AllTypes;

    private bool Excluded(string type, JsonElement written, string valid, JsonElement other) => (type, valid) switch
    {
        ("integer", "number") or ("number", "integer") => false,
        ("integer", "integer") => !JsonIntegerRange.Of(written, "").Overlaps(JsonIntegerRange.Of(other, "")),
        ("object", "object") => ObjectsExcluded(written, other),
        _ => type != valid,
    };

    /// <summary>
    /// A property that either requires tells them apart: what is written cannot have it, the other does not allow it, or its value is never valid there. One that only the
    /// other requires is enough: written without it, it is missing.
    /// </summary>
    private bool ObjectsExcluded(JsonElement written, JsonElement other)
    {
        Dictionary<string, JsonElement> own = Properties(written), others = Properties(other);
        steps += own.Count + others.Count;
        bool free = own.Count == 0 && !IsClosed(written);
        return Required(written).Union(Required(other)).Any(name => !own.TryGetValue(name, out JsonElement value) ? !free
            : others.TryGetValue(name, out JsonElement valid) ? NothingOf(value, valid)
            : IsClosed(other));
    }

    private static Dictionary<string, JsonElement> Properties(JsonElement schema) =>
        schema.ValueKind == JsonValueKind.Object && schema.TryGetProperty("properties", out JsonElement properties)
            ? properties.EnumerateObject().ToDictionary(property => property.Name, property => property.Value, StringComparer.Ordinal)
            : [];

    private static IEnumerable<string> Required(JsonElement schema) =>
        schema.ValueKind == JsonValueKind.Object && schema.TryGetProperty("required", out JsonElement required)
            ? required.EnumerateArray().Select(name => name.GetString()!)
            : [];

    private static bool IsClosed(JsonElement schema) =>
        schema.ValueKind == JsonValueKind.Object && schema.TryGetProperty("additionalProperties", out JsonElement additional) && additional.ValueKind == JsonValueKind.False;
}
