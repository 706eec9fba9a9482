using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Medix.Runs.Recipes;

/// <summary>Loads recipes from files or from the ones embedded in Medix, applies <c>--set</c> changes and validates everything before any work.</summary>
public static class RecipeLoader
{
    private const string ResourcePrefix = "recipes/train/";
    private static readonly JsonSerializerOptions Written = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>Names of the embedded recipes, for example <c>quickstart</c>.</summary>
    public static IReadOnlyList<string> EmbeddedNames { get; } =
        [.. typeof(RecipeLoader).Assembly.GetManifestResourceNames()
            .Where(n => n.StartsWith(ResourcePrefix, StringComparison.Ordinal))
            .Select(n => n[ResourcePrefix.Length..^".json".Length]).Order(StringComparer.Ordinal)];

    /// <summary>
    /// Loads a recipe.
    /// </summary>
    /// <param name="nameOrPath">A file, or the name of an embedded recipe.</param>
    /// <param name="changes">Changes as <c>path=value</c>; the value is JSON, or a text where it is not.</param>
    /// <exception cref="MedixException">Lists every error of the recipe at once.</exception>
    public static TrainRecipe Load(string nameOrPath, IReadOnlyList<string> changes)
    {
        JsonObject json = Parse(ReadText(nameOrPath), nameOrPath);
        foreach (string change in changes)
        {
            Apply(json, change);
        }

        return Bind(json, nameOrPath);
    }

    /// <summary>Binds and validates a recipe that is already JSON; <paramref name="name"/> is for messages.</summary>
    public static TrainRecipe Bind(JsonObject json, string name)
    {
        var binder = new RecipeBinder();
        TrainRecipe recipe = binder.Bind<TrainRecipe>(json);
        List<string> errors = [.. binder.Errors, .. Validate(recipe)];
        return errors.Count == 0
            ? recipe
            : throw new MedixException($"The recipe {name} has {(errors.Count == 1 ? "an error" : $"{errors.Count} errors")}:\n  {string.Join("\n  ", errors)}");
    }

    /// <summary>The whole recipe with all defaults filled in, as indented JSON.</summary>
    public static string ToJson(TrainRecipe recipe) => JsonSerializer.Serialize(recipe, Written);

    private static string ReadText(string nameOrPath)
    {
        if (File.Exists(nameOrPath))
        {
            return File.ReadAllText(nameOrPath);
        }

        using Stream? resource = Assembly.GetExecutingAssembly().GetManifestResourceStream($"{ResourcePrefix}{nameOrPath}.json");
        if (resource is null)
        {
            throw new MedixException(
                $"There is no recipe {nameOrPath}: neither a file of that name below {Directory.GetCurrentDirectory()} nor an embedded one. "
                + $"{NearestName.Suggest(nameOrPath, EmbeddedNames)} Embedded recipes: {string.Join(", ", EmbeddedNames)}.");
        }

        using var reader = new StreamReader(resource);
        return reader.ReadToEnd();
    }

    private static JsonObject Parse(string text, string name)
    {
        try
        {
            var options = new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, AllowDuplicateProperties = false };
            return JsonNode.Parse(text, documentOptions: options) as JsonObject
                ?? throw new MedixException($"The recipe {name} is not a JSON object: start it with {{ and end it with }}.");
        }
        catch (JsonException e)
        {
            throw new MedixException($"The recipe {name} is not valid JSON: {e.Message} Mend the file at that place; comments and trailing commas are allowed.", e);
        }
    }

    private static void Apply(JsonObject json, string change)
    {
        int equals = change.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0)
        {
            throw new MedixException($"--set {change}: expected PATH=VALUE, for example --set optimizer.learningRate=1e-4.");
        }

        string[] path = change[..equals].Split('.');
        JsonObject at = json;
        foreach (string key in path[..^1])
        {
            if (at[key] is not JsonObject next)
            {
                at[key] = next = [];
            }

            at = next;
        }

        at[path[^1]] = ParseValue(change[(equals + 1)..]);
    }

    private static JsonNode? ParseValue(string value)
    {
        try
        {
            return JsonNode.Parse(value);
        }
        catch (JsonException)
        {
            return JsonValue.Create(value); // a bare word is a text: --set data.path=../images
        }
    }

    private static IEnumerable<string> Validate(TrainRecipe recipe)
    {
        if (recipe.Data.Kind != "phantoms" && string.IsNullOrWhiteSpace(recipe.Data.Path))
        {
            yield return $"data.path: missing, and data.kind \"{recipe.Data.Kind}\" needs it. Add it to the recipe or give --set data.path=FOLDER.";
        }

        double weights = recipe.Reward.JudgeWeight + recipe.Reward.EmbeddingWeight + recipe.Reward.ModalityWeight + recipe.Reward.FormatWeight;
        if (Math.Abs(weights - 1) > 1e-9)
        {
            yield return $"reward: the four weights sum to {weights:0.######}, expected 1. Change judgeWeight, embeddingWeight, modalityWeight or formatWeight.";
        }

        foreach ((string name, EndpointRecipe? endpoint) in new[] { ("judge", recipe.Reward.Judge), ("embedding", recipe.Reward.Embedding) })
        {
            if (endpoint is not null && !(Uri.TryCreate(endpoint.Url, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https"))
            {
                yield return $"reward.{name}.url: found \"{endpoint.Url}\", expected an http or https address such as http://localhost:8085/v1.";
            }
        }

        if (recipe.Reward.EmbeddingModel is { } folder)
        {
            if (recipe.Reward.Embedding is not null)
            {
                yield return "reward.embeddingModel: found beside reward.embedding, expected one of the two. Remove the endpoint or the folder.";
            }

            if (!Directory.Exists(folder))
            {
                yield return $"reward.embeddingModel: there is no folder \"{folder}\", expected that of an embedding model with its tokenizer and weights.";
            }
        }

        foreach (string tag in recipe.Data.Modalities.Where(t => !Data.Modalities.All.Contains(t)))
        {
            yield return $"data.modalities: \"{tag}\" is not a modality tag. {NearestName.Suggest(tag, Data.Modalities.All)}";
        }

        if (recipe.Name.Length == 0 || recipe.Name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')))
        {
            yield return $"name: found \"{recipe.Name}\", expected letters, digits, '-', '_' or '.': it names a folder.";
        }
    }
}
