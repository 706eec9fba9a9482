using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Medix.Runs;

namespace Medix.Inference.Tests;

/// <summary>Random JSON schemas, and a validator that knows what they use.</summary>
internal static class SchemaCases
{
    private static readonly string[] Names = ["a", "b", "name", "é", "a b", "x\"y", "漢", "n\\t"];
    private static readonly string[] Patterns = ["^[a-c]{1,4}$", "^\\d{2}-\\d{2}$", "^(?:yes|no|\"q\"|\\\\)$", "^[\\n\\té😀]{0,3}$"];
    private static readonly string[] Values = ["null", "true", "12", "-0.5", "\"x\\\"y\"", "\"é\\n😀\"", "[1,\"a\",{}]", "{\"k\":[null,2],\"é\":{}}"];

    private static readonly string[] Formats = ["date", "date-time", "time", "uuid"];

    private static readonly Regex[] Forms =
    [
        new("^\\d{4}-\\d\\d-\\d\\d$"), new("^\\d{4}-\\d\\d-\\d\\dT.+(Z|:\\d\\d)$"), new("^\\d\\d:\\d\\d:\\d\\d.*(Z|:\\d\\d)$"), new("^[0-9A-Fa-f-]{36}$"),
    ];

    public static JsonNode Random(SeededRandom random, int depth)
    {
        int kind = random.NextInt(depth > 0 ? 14 : 9);
        return kind switch
        {
            0 => new JsonObject { ["type"] = "string", ["minLength"] = random.NextInt(3), ["maxLength"] = 2 + random.NextInt(4) },
            1 => new JsonObject { ["type"] = "string", ["pattern"] = Patterns[random.NextInt(Patterns.Length)] },
            2 => new JsonObject { ["type"] = random.NextInt(2) == 0 ? "integer" : "number", ["description"] = "a number" },
            3 => new JsonObject { ["type"] = new JsonArray("boolean", "null") },
            4 => new JsonObject { ["const"] = JsonNode.Parse(Values[random.NextInt(Values.Length)]) },
            5 => new JsonObject { ["enum"] = new JsonArray([.. Enumerable.Range(0, 1 + random.NextInt(4)).Select(i => JsonNode.Parse(Values[(i * 3 + 1) % Values.Length]))]) },
            6 => new JsonObject { ["type"] = "array", ["items"] = new JsonObject { ["type"] = "integer" }, ["maxItems"] = random.NextInt(3) },
            7 => Bounded(random),
            8 => new JsonObject { ["type"] = "string", ["format"] = Formats[random.NextInt(Formats.Length)] },
            9 => new JsonObject
            {
                ["type"] = "array",
                ["items"] = Random(random, depth - 1),
                ["minItems"] = random.NextInt(3),
                ["maxItems"] = 2 + random.NextInt(2),
            },
            10 => new JsonObject { ["anyOf"] = new JsonArray(Random(random, depth - 1), Random(random, depth - 1)) },
            11 => new JsonObject { ["oneOf"] = new JsonArray(Tagged(random, "é", depth), Tagged(random, "x\"", depth), new JsonObject { ["type"] = "null" }) },
            _ => Object(random, depth),
        };
    }

    /// <summary>Null where the value is valid, else what is wrong.</summary>
    public static string? Fault(JsonElement schema, JsonElement value)
    {
        foreach (JsonProperty keyword in schema.EnumerateObject())
        {
            JsonElement wanted = keyword.Value;
            bool valid = keyword.Name switch
            {
                "type" => Types(wanted).Any(type => IsOf(type, value)),
                "const" => JsonElement.DeepEquals(wanted, value),
                "enum" => wanted.EnumerateArray().Any(one => JsonElement.DeepEquals(one, value)),
                "anyOf" => wanted.EnumerateArray().Any(one => Fault(one, value) is null),
                "oneOf" => wanted.EnumerateArray().Count(one => Fault(one, value) is null) == 1,
                "minLength" => value.ValueKind != JsonValueKind.String || Characters(value) >= wanted.GetInt32(),
                "maxLength" => value.ValueKind != JsonValueKind.String || Characters(value) <= wanted.GetInt32(),
                "pattern" => Regex.IsMatch(Flat(value.GetString()!), Flat(wanted.GetString()!), RegexOptions.ECMAScript),
                "minimum" => value.ValueKind != JsonValueKind.Number || value.GetInt64() >= wanted.GetInt64(),
                "exclusiveMinimum" => value.ValueKind != JsonValueKind.Number || value.GetInt64() > wanted.GetInt64(),
                "maximum" => value.ValueKind != JsonValueKind.Number || value.GetInt64() <= wanted.GetInt64(),
                "exclusiveMaximum" => value.ValueKind != JsonValueKind.Number || value.GetInt64() < wanted.GetInt64(),
                "format" => Forms[Array.IndexOf(Formats, wanted.GetString())].IsMatch(value.GetString()!),
                "minItems" => value.GetArrayLength() >= wanted.GetInt32(),
                "maxItems" => value.GetArrayLength() <= wanted.GetInt32(),
                "items" => value.EnumerateArray().All(item => Fault(wanted, item) is null),
                "required" => wanted.EnumerateArray().All(name => value.TryGetProperty(name.GetString()!, out _)),
                "properties" => value.EnumerateObject().All(p => wanted.TryGetProperty(p.Name, out JsonElement of) ? Fault(of, p.Value) is null : IsOpen(schema))
                    && value.EnumerateObject().Select(p => p.Name).Distinct().Count() == value.EnumerateObject().Count(),
                "additionalProperties" or "description" => true,
                _ => throw new InvalidOperationException(keyword.Name),
            };
            if (!valid)
            {
                return $"{keyword.Name} {wanted.GetRawText()} does not hold for {value.GetRawText()}";
            }
        }

        return null;
    }

    /// <summary>An object with a property that tells it from those of another tag.</summary>
    public static JsonObject Tagged(SeededRandom random, string tag, int depth)
    {
        JsonObject tagged = Object(random, depth);
        tagged["properties"]!.AsObject().Insert(random.NextInt(tagged["properties"]!.AsObject().Count + 1), "tag", new JsonObject { ["const"] = tag });
        tagged["required"]!.AsArray().Add("tag");
        return tagged;
    }

    private static bool IsOpen(JsonElement schema) => !schema.TryGetProperty("additionalProperties", out JsonElement additional) || additional.GetBoolean();

    private static JsonObject Bounded(SeededRandom random)
    {
        int least = random.NextInt(3000) - 1500;
        JsonObject schema = new() { ["type"] = new JsonArray("integer", "null") };
        (string lower, string upper) = random.NextInt(2) == 0 ? ("minimum", "maximum") : ("exclusiveMinimum", "exclusiveMaximum");
        schema[lower] = least;
        if (random.NextInt(2) == 0)
        {
            schema[upper] = least + 2 + random.NextInt(100);
        }

        return schema;
    }

    private static JsonObject Object(SeededRandom random, int depth)
    {
        string[] names = [.. Names.Where(_ => random.NextInt(2) == 0)];
        return new JsonObject
        {
            ["type"] = "object",
            ["properties"] = new JsonObject(names.Select(name => KeyValuePair.Create<string, JsonNode?>(name, Random(random, depth - 1)))),
            ["required"] = new JsonArray([.. names.Where(_ => random.NextInt(2) == 0).Select(name => (JsonNode)name)]),
            ["additionalProperties"] = false,
        };
    }

    private static IEnumerable<string> Types(JsonElement type) =>
        type.ValueKind == JsonValueKind.Array ? type.EnumerateArray().Select(one => one.GetString()!) : [type.GetString()!];

    private static bool IsOf(string type, JsonElement value) => type switch
    {
        "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
        "number" => value.ValueKind == JsonValueKind.Number && double.IsFinite(value.GetDouble()),
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        _ => value.ValueKind.ToString().Equals(type, StringComparison.OrdinalIgnoreCase),
    };

    private static int Characters(JsonElement value) => value.GetString()!.EnumerateRunes().Count();

    private static string Flat(string text) => string.Concat(text.EnumerateRunes().Select(rune => rune.IsBmp
        ? rune.ToString()
        : ((char)(0xE000 + (rune.Value % 0x1000))).ToString(CultureInfo.InvariantCulture)));
}
