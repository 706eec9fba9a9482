using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using Medix.Runs;

namespace Medix.Evaluation.Cards;

/// <summary>Reads <c>medix-manifest.json</c>, which comes from elsewhere: nothing in it is taken on trust, and what is wrong is named by its field.</summary>
internal static partial class ManifestFileReader
{
    private const long MaxBytes = 64 << 20;
    private static readonly JsonSerializerOptions Strict = new(EventLog.Indented)
    {
        RespectNullableAnnotations = true,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { RequireParameters } },
    };

    /// <summary>The manifest in that file of the folder.</summary>
    public static ModelManifest Read(string path, string folder)
    {
        if (!File.Exists(path))
        {
            throw new MedixException($"{folder} has no {ModelManifest.FileName}: only models that `medix train` saved have one. Give the folder of such a model.");
        }

        JsonObject root = Parse(path);
        RequireFormat(root, path);
        RequireItems(root, path);
        try
        {
            return root.Deserialize<ModelManifest>(Strict)!;
        }
        catch (JsonException e)
        {
            throw Fault(e, root, path);
        }
    }

    private static JsonObject Parse(string path)
    {
        if (new FileInfo(path).Length > MaxBytes)
        {
            throw new MedixException($"{path} is not a manifest as `medix train` writes it: more than {MaxBytes >> 20} MiB. Copy the model again.");
        }

        try
        {
            return JsonNode.Parse(File.ReadAllBytes(path), documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false }) as JsonObject
                ?? throw new MedixException($"{path} is not a manifest as `medix train` writes it: expected a JSON object. Copy the model again.");
        }
        catch (JsonException e)
        {
            throw new MedixException($"{path} is not a manifest as `medix train` writes it: {e.Message} Copy the model again.", e);
        }
    }

    private static void RequireFormat(JsonObject root, string path)
    {
        if (root["format"] is not JsonValue format || !format.TryGetValue(out int version) || version != ModelManifest.CurrentFormat)
        {
            throw new MedixException(
                $"{path}: format is {Describe(root["format"])}, expected {ModelManifest.CurrentFormat}. Use the version of Medix that wrote it, or copy the model again.");
        }
    }

    /// <summary>No list of a manifest has an empty place; the serializer would let it through.</summary>
    private static void RequireItems(JsonNode? node, string path)
    {
        IEnumerable<JsonNode?> below = node switch { JsonArray items => items, JsonObject fields => fields.Select(field => field.Value), _ => [] };
        if (node is JsonArray list && list.IndexOf(null) is >= 0 and int at)
        {
            throw Wrong(path, $"{NameOf(list.GetPath())}[{at}]", "null");
        }

        foreach (JsonNode? item in below)
        {
            RequireItems(item, path);
        }
    }

    /// <summary>What a record's constructor takes must be there, unless it can be null or has a default.</summary>
    private static void RequireParameters(JsonTypeInfo type)
    {
        foreach (JsonPropertyInfo property in type.Properties.Where(property => property.AssociatedParameter is { IsNullable: false, HasDefaultValue: false }))
        {
            property.IsRequired = true;
        }
    }

    private static MedixException Fault(JsonException error, JsonObject root, string path)
    {
        string where = error.Path ?? "$";
        JsonNode? at = Steps().Matches(where).Aggregate((JsonNode?)root, (node, step) =>
            step.Groups["index"].Success ? (node as JsonArray)?.ElementAtOrDefault(int.Parse(step.Groups["index"].Value, System.Globalization.CultureInfo.InvariantCulture))
            : (node as JsonObject)?[step.Groups["name"].Value]);
        Match missing = Missing().Match(error.Message);
        return missing.Success
            ? Wrong(path, string.Join(", ", Quoted().Matches(missing.Groups[1].Value).Select(name => $"{NameOf(where)}.{name.Groups[1].Value}".TrimStart('.'))), "nothing", error)
            : Wrong(path, NameOf(where), Describe(at), error);
    }

    private static MedixException Wrong(string path, string field, string found, Exception? error = null) =>
        new($"{path}: {field}: found {found}, expected what `medix train` writes there. Copy the model again.", error!);

    private static string NameOf(string jsonPath) => jsonPath.TrimStart('$').TrimStart('.');

    private static string Describe(JsonNode? value) => value?.GetValueKind() switch
    {
        null => "null",
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        _ => value.ToJsonString() is { Length: <= 80 } text ? text : "a long text",
    };

    [GeneratedRegex(@"\.(?<name>[^.\[\]]+)|\[(?<index>\d+)\]")]
    private static partial Regex Steps();

    [GeneratedRegex("missing required properties including: (.*)$", RegexOptions.Singleline)]
    private static partial Regex Missing();

    [GeneratedRegex("'([^']+)'")]
    private static partial Regex Quoted();
}
