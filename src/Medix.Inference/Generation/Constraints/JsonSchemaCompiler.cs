using System.Text.Json;
using Medix.Runs;

namespace Medix.Inference.Generation.Constraints;

/// <summary>Translates a JSON schema (draft 2020-12, the part that <see cref="OutputConstraint.JsonSchema"/> documents) to a grammar of the JSON it accepts.</summary>
internal sealed class JsonSchemaCompiler
{
    private const int LongestSchema = 1_000_000;
    private const int DeepestSchema = 250;
    private const string Source = "The JSON schema";

    /// <summary>What says nothing about which values are valid; OpenAPI's discriminator only says where to look first.</summary>
    private static readonly string[] Annotations =
        ["title", "description", "default", "examples", "$schema", "$id", "$comment", "$anchor", "deprecated", "readOnly", "writeOnly", "$defs", "definitions", "discriminator"];

    private static readonly string[] Typed =
        ["properties", "required", "additionalProperties", "items", "minItems", "maxItems", "pattern", "minLength", "maxLength", "format", .. JsonIntegerRange.Keywords];

    private static readonly string[] Whole = ["$ref", "const", "enum", "anyOf", "oneOf", "allOf"];

    private readonly JsonElement root;
    private readonly List<Alternatives> exclusive = [];
    private int depth;
    private readonly Dictionary<string, Language.Rule> references = new(StringComparer.Ordinal);
    private readonly JsonContainers containers;
    private readonly JsonValueWriter writer;

    private JsonSchemaCompiler(JsonElement root, JsonSpacing spacing)
    {
        this.root = root;
        writer = new JsonValueWriter(spacing);
        containers = new JsonContainers(this, Builder, writer);
    }

    public GrammarBuilder Builder { get; } = new(Source);

    public static Grammar Compile(string schema, JsonSpacing spacing)
    {
        if (schema.Length > LongestSchema)
        {
            throw new MedixException($"{Source} has {schema.Length} characters, expected at most {LongestSchema}.");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(schema, new JsonDocumentOptions { AllowDuplicateProperties = false });
            JsonSchemaCompiler compiler = new(document.RootElement, spacing);
            Grammar grammar = compiler.Builder.Build(compiler.Value(document.RootElement, "#"));
            compiler.RequireExclusion();
            return grammar;
        }
        catch (JsonException e)
        {
            throw new MedixException($"{Source} is not valid JSON: {e.Message}", e);
        }
        catch (InvalidOperationException e)
        {
            // The JSON reader's word for a text with half a surrogate pair.
            throw new MedixException($"{Source} holds a text that is not valid Unicode: {e.Message}", e);
        }
    }

    /// <summary>The texts of a (sub)schema at a JSON pointer.</summary>
    public Language Value(JsonElement schema, string path)
    {
        if (++depth > DeepestSchema)
        {
            throw Fault(path, $"is nested deeper than {DeepestSchema} subschemas and references");
        }

        Language value = ValueInside(schema, path);
        depth--;
        return value;
    }

    private Language ValueInside(JsonElement schema, string path)
    {
        if (schema.ValueKind == JsonValueKind.True)
        {
            return containers.AnyValue;
        }

        if (schema.ValueKind != JsonValueKind.Object)
        {
            throw Fault(path, schema.ValueKind == JsonValueKind.False ? "is false, which accepts nothing" : $"is {schema.ValueKind}, expected an object or true");
        }

        string[] keywords = Keywords(schema);
        string? unknown = keywords.FirstOrDefault(name => name != "type" && !Typed.Contains(name) && !Whole.Contains(name));
        if (unknown is not null)
        {
            throw Fault(path, $"uses the keyword '{unknown}', which is not supported. Supported are type, {string.Join(", ", Typed.Concat(Whole))}");
        }

        if (keywords.FirstOrDefault(name => Whole.Contains(name)) is not { } whole)
        {
            return ByType(schema, path);
        }

        string? other = keywords.FirstOrDefault(name => name != whole && !(name == "type" && whole is "const" or "enum"));
        return other is null
            ? OfWhole(schema, whole, path)
            : throw Fault(path, $"uses '{whole}' together with '{other}', which is not supported: put both into one");
    }

    private static string[] Keywords(JsonElement schema) =>
        [.. schema.EnumerateObject().Select(p => p.Name).Where(name => !Annotations.Contains(name, StringComparer.Ordinal))];

    public static MedixException Fault(string path, string fault) => new($"{Source} at {path} {fault}.");

    /// <summary>A limit such as minLength; null where it is absent.</summary>
    public static int? Limit(JsonElement schema, string name, string path)
    {
        if (!schema.TryGetProperty(name, out JsonElement value))
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int limit) && limit is >= 0 and <= GrammarBuilder.MostNodes
            ? limit
            : throw Fault(path, $"has {name} {value.GetRawText()}, expected a whole number from 0 to {GrammarBuilder.MostNodes}");
    }

    private Language OfWhole(JsonElement schema, string keyword, string path)
    {
        JsonElement value = schema.GetProperty(keyword);
        string here = $"{path}/{keyword}";
        if (keyword == "$ref")
        {
            return Reference(value, here);
        }

        if (keyword == "const")
        {
            return Values([value], schema, here);
        }

        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() == 0)
        {
            throw Fault(here, "is not an array of at least one element");
        }

        if (keyword == "enum")
        {
            return Values(value.EnumerateArray(), schema, here);
        }

        if (keyword == "oneOf")
        {
            exclusive.Add(new Alternatives([.. value.EnumerateArray()], here));
        }

        return keyword != "allOf" || value.GetArrayLength() == 1
            ? new Language.Choice([.. value.EnumerateArray().Select((one, i) => Value(one, $"{here}/{i}"))])
            : throw Fault(here, "has several elements, of which only one is supported: put them into one");
    }

    /// <summary>
    /// Texts of any alternative are written for oneOf, so that no two may hold for one value. Looked at last, when all that references lead to is known to be in order.
    /// </summary>
    private void RequireExclusion()
    {
        JsonExclusion exclusion = new(pointer => Resolve(pointer, "#"));
        foreach ((JsonElement[] schemas, string path) in exclusive)
        {
            for (int second = 1; second < schemas.Length; second++)
            {
                JsonElement later = schemas[second];
                if (Array.FindIndex(schemas, 0, second, earlier => !exclusion.Between(earlier, later)) is var first and >= 0)
                {
                    throw Fault(path, exclusion.IsExhausted
                        ? "has alternatives that take too long to compare: use fewer or smaller ones, or anyOf, for which one that holds is enough"
                        : $"has alternatives {first} and {second} that may both hold for one value: give them different types, or in each a required property of another const, "
                            + "or use anyOf, for which one that holds is enough");
                }
            }
        }
    }

    private Language.Choice Values(IEnumerable<JsonElement> values, JsonElement schema, string path)
    {
        string[] types = Types(schema, path);
        Language[] texts = [.. values.Where(value => types.Length == 0 || types.Any(type => IsOfType(value, type))).Select(value => Language.Text(writer.Write(value)))];
        return texts.Length > 0 ? new Language.Choice(texts) : throw Fault(path, "has no value of the type beside it");
    }

    /// <summary>Whether a value is of a type by name.</summary>
    public static bool IsOfType(JsonElement value, string type) => value.ValueKind switch
    {
        JsonValueKind.Object => type == "object",
        JsonValueKind.Array => type == "array",
        JsonValueKind.String => type == "string",
        JsonValueKind.Null => type == "null",
        JsonValueKind.Number => type == "number" || (type == "integer" && value.GetDouble() == Math.Floor(value.GetDouble())),
        _ => type == "boolean",
    };

    private Language.Rule Reference(JsonElement value, string path)
    {
        string pointer = value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Fault(path, "is not a text");
        if (!references.TryGetValue(pointer, out Language.Rule? rule))
        {
            JsonElement target = Resolve(pointer, path);
            references.Add(pointer, rule = Builder.Reserve());
            Builder.Set(rule, Value(target, pointer));
        }

        return rule;
    }

    private JsonElement Resolve(string pointer, string path)
    {
        if (pointer != "#" && !pointer.StartsWith("#/", StringComparison.Ordinal))
        {
            throw Fault(path, $"is '{pointer}': only references within the schema (#/…) are supported");
        }

        JsonElement target = root;
        foreach (string part in pointer.Split('/').Skip(1))
        {
            string name = Uri.UnescapeDataString(part).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            bool found = target.ValueKind == JsonValueKind.Object
                ? target.TryGetProperty(name, out target)
                : target.ValueKind == JsonValueKind.Array && int.TryParse(name, out int index) && index >= 0 && index < target.GetArrayLength()
                    && (target = target[index]).ValueKind != JsonValueKind.Undefined;
            if (!found)
            {
                throw Fault(path, $"is '{pointer}', which the schema does not hold");
            }
        }

        return target;
    }

    private Language ByType(JsonElement schema, string path)
    {
        JsonStrings.RequireFormat(schema, path);
        string[] types = TypesWritten(schema, path);
        return types.Length == 0 ? containers.AnyValue : new Language.Choice([.. types.Select(type => OfType(schema, type, path))]);
    }

    /// <summary>The types that a schema names or, where it names none, that its keywords are about; empty for any.</summary>
    public static string[] TypesWritten(JsonElement schema, string path)
    {
        string[] types = Types(schema, path);
        if (types.Length > 0)
        {
            return types;
        }

        types = [.. Keywords(schema).Select(TypeOf).Distinct()];
        return types.Length < 2 ? types : throw Fault(path, $"has keywords of {string.Join(" and ", types)} and no type: name the type");
    }

    private static string TypeOf(string keyword) => keyword switch
    {
        "properties" or "required" or "additionalProperties" => "object",
        "items" or "minItems" or "maxItems" => "array",
        _ => JsonIntegerRange.Keywords.Contains(keyword) ? "number" : "string",
    };

    private Language OfType(JsonElement schema, string type, string path) => type switch
    {
        "object" => containers.Object(schema, path),
        "array" => containers.Array(schema, path),
        "string" => JsonStrings.Of(schema, containers.AnyCharacter, path),
        "integer" => JsonIntegerRange.Of(schema, path).Texts(),
        "number" => Number(schema, path),
        "boolean" => Language.Any(Language.Text("true"), Language.Text("false")),
        "null" => Language.Text("null"),
        _ => throw Fault(path, $"has the type '{type}', expected object, array, string, integer, number, boolean or null"),
    };

    /// <summary>The types that a schema names; empty where it names none.</summary>
    public static string[] Types(JsonElement schema, string path)
    {
        if (!schema.TryGetProperty("type", out JsonElement type))
        {
            return [];
        }

        JsonElement[] types = type.ValueKind == JsonValueKind.Array ? [.. type.EnumerateArray()] : [type];
        return types.Length > 0 && types.All(one => one.ValueKind == JsonValueKind.String)
            ? [.. types.Select(one => one.GetString()!).Distinct()]
            : throw Fault(path, $"has the type {type.GetRawText()}, expected a name or an array of names");
    }

    private static Language Number(JsonElement schema, string path) =>
        JsonIntegerRange.Keywords.FirstOrDefault(keyword => schema.TryGetProperty(keyword, out _)) is { } bound
            ? throw Fault(path, $"uses '{bound}' for the type number, which is supported for integers only: use the type integer")
            : JsonText.Number;

    private readonly record struct Alternatives(JsonElement[] Schemas, string Path);
}
