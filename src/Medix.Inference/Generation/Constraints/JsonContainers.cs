using System.Text.Json;

namespace Medix.Inference.Generation.Constraints;

/// <summary>The objects and arrays of a JSON schema, and values of any kind.</summary>
internal sealed class JsonContainers(JsonSchemaCompiler compiler, GrammarBuilder builder, JsonValueWriter writer)
{
    private readonly Language comma = Language.Text(writer.Comma);
    private Language.Rule? anyCharacter;
    private Language.Rule? anyValue;
    private Language.Rule? anyObject;

    /// <summary>One character of a string.</summary>
    public Language AnyCharacter => anyCharacter ??= builder.Define(JsonText.AnyCharacter);

    /// <summary>Any JSON value.</summary>
    public Language AnyValue => anyValue ?? DefineAnyValue();

    private Language AnyString => Language.Join(Language.Text("\""), new Language.Repeat(AnyCharacter, 0, null), Language.Text("\""));

    private Language AnyObject => anyObject ??= builder.Define(
        Language.Join(Language.Text("{"), Listed(Language.Join(AnyString, Language.Text(writer.Colon), AnyValue), 0, null), Language.Text("}")), nesting: true);

    /// <summary>An object: its properties in the schema's order, those that are not required left out at will.</summary>
    public Language Object(JsonElement schema, string path)
    {
        bool hasProperties = schema.TryGetProperty("properties", out JsonElement properties);
        if (hasProperties && properties.ValueKind != JsonValueKind.Object)
        {
            throw JsonSchemaCompiler.Fault(path, "has properties that are not an object");
        }

        bool open = true;
        if (schema.TryGetProperty("additionalProperties", out JsonElement additional))
        {
            open = additional.ValueKind is JsonValueKind.True or JsonValueKind.False
                ? additional.GetBoolean()
                : throw JsonSchemaCompiler.Fault(path, "has additionalProperties that are a schema, of which only false and true are supported");
        }

        JsonProperty[] listed = hasProperties ? [.. properties.EnumerateObject()] : [];
        HashSet<string> required = Required(schema, path);
        if (required.FirstOrDefault(name => listed.All(property => property.Name != name)) is { } missing)
        {
            throw JsonSchemaCompiler.Fault(path, $"requires '{missing}', which its properties do not describe");
        }

        return listed.Length == 0 && open
            ? AnyObject
            : builder.Define(Language.Join(Language.Text("{"), Properties(listed, required, path), Language.Text("}")), nesting: true);
    }

    /// <summary>An array of like items.</summary>
    public Language Array(JsonElement schema, string path)
    {
        int least = JsonSchemaCompiler.Limit(schema, "minItems", path) ?? 0;
        int? most = JsonSchemaCompiler.Limit(schema, "maxItems", path);
        RequireOrder(least, most, "minItems", "maxItems", path);
        Language item = most == 0 ? Language.Text("") : schema.TryGetProperty("items", out JsonElement items) ? compiler.Value(items, $"{path}/items") : AnyValue;
        return builder.Define(Language.Join(Language.Text("["), Listed(item, least, most), Language.Text("]")), nesting: true);
    }

    public static void RequireOrder(int least, int? most, string leastName, string mostName, string path)
    {
        if (most < least)
        {
            throw JsonSchemaCompiler.Fault(path, $"has {leastName} {least} above {mostName} {most}");
        }
    }

    private static HashSet<string> Required(JsonElement schema, string path)
    {
        if (!schema.TryGetProperty("required", out JsonElement required))
        {
            return [];
        }

        return required.ValueKind == JsonValueKind.Array && required.EnumerateArray().All(name => name.ValueKind == JsonValueKind.String)
            ? [.. required.EnumerateArray().Select(name => name.GetString()!)]
            : throw JsonSchemaCompiler.Fault(path, "has 'required' that is not an array of names");
    }

    /// <summary>From the last property to the first: what can follow where something was written already, and where nothing was.</summary>
    private Language Properties(JsonProperty[] properties, HashSet<string> required, string path)
    {
        Language afterSome = Language.Text(""), afterNone = afterSome;
        foreach (JsonProperty property in properties.Reverse())
        {
            Language value = compiler.Value(property.Value, $"{path}/properties/{property.Name}");
            Language written = builder.Define(Language.Join(Language.Text(JsonValueWriter.Quote(property.Name) + writer.Colon), value));
            Language first = Language.Join(written, afterSome), next = Language.Join(comma, written, afterSome);
            bool optional = !required.Contains(property.Name);
            afterNone = builder.Define(optional ? Language.Any(first, afterNone) : first);
            afterSome = builder.Define(optional ? Language.Any(next, afterSome) : next);
        }

        return afterNone;
    }

    private Language Listed(Language item, int least, int? most)
    {
        if (most == 0)
        {
            return Language.Text("");
        }

        item = builder.Define(item);
        Language some = Language.Join(item, new Language.Repeat(Language.Join(comma, item), Math.Max(least - 1, 0), most - 1));
        return least == 0 ? Language.Optional(some) : some;
    }

    private Language.Rule DefineAnyValue()
    {
        anyValue = builder.Reserve();
        Language array = builder.Define(Language.Join(Language.Text("["), Listed(anyValue, 0, null), Language.Text("]")), nesting: true);
        Language[] plain = [AnyString, JsonText.Number, Language.Text("true"), Language.Text("false"), Language.Text("null")];
        builder.Set(anyValue, Language.Any([AnyObject, array, .. plain]));
        return anyValue;
    }
}
