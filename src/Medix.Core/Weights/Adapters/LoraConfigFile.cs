using System.Text.Json;
using System.Text.Json.Nodes;
using Medix.Runs;

namespace Medix.Weights.Adapters;

/// <summary>PEFT's <c>adapter_config.json</c>.</summary>
public static class LoraConfigFile
{
    /// <summary>The file's name in an adapter's folder.</summary>
    public const string Name = "adapter_config.json";

    private static readonly string[] Unsupported =
    [
        "use_qalora", "lora_bias", "use_bdlora", "alora_invocation_tokens", "trainable_token_indices", "layer_replication", "modules_to_save", "fan_in_fan_out",
        "arrow_config", "kasa_config",
    ];

    /// <summary>Reads the settings. Throws <see cref="MedixException"/> for another kind of adapter, or a setting that would change the result and is not supported.</summary>
    public static LoraConfig Read(string path)
    {
        JsonFields fields = JsonFields.Load(path);
        if (!string.Equals(fields.Text("peft_type"), "LORA", StringComparison.OrdinalIgnoreCase))
        {
            throw fields.Wrong("peft_type", "\"LORA\"");
        }

        JsonObject json = JsonNode.Parse(File.ReadAllBytes(path))!.AsObject();
        foreach (string name in Unsupported.Where(name => !IsOff(json[name])))
        {
            throw fields.Wrong(name, "it to be off: Medix reads plain, rank-stabilised and weight-decomposed (DoRA) LoRA");
        }

        if (json["bias"] is { } bias && bias.GetValueKind() == JsonValueKind.String && bias.GetValue<string>() != "none")
        {
            throw fields.Wrong("bias", "\"none\": trained biases are not part of an adapter here");
        }

        JsonNode? modules = json["target_modules"];
        string? pattern = modules?.GetValueKind() == JsonValueKind.String ? modules.GetValue<string>() : null;
        LoraConfig config = new(
            fields.Int("r"),
            fields.Positive("lora_alpha"),
            new LoraTargets(pattern is null ? fields.Texts("target_modules") : [], pattern, ExcludedModules(json, fields), Layers(fields), fields.Texts("target_parameters")),
            fields.Bool("use_rslora", absent: false),
            fields.Bool("use_dora", absent: false),
            Numbers(fields, "rank_pattern"),
            Numbers(fields, "alpha_pattern"),
            json["lora_dropout"] is { } dropout && dropout.GetValueKind() == JsonValueKind.Number ? dropout.GetValue<double>() : 0,
            json["base_model_name_or_path"] is { } based && based.GetValueKind() == JsonValueKind.String ? based.GetValue<string>() : null);
        config.Validate(path);
        return config;
    }

    /// <summary>The settings as PEFT writes them, in inference mode.</summary>
    public static JsonObject ToJson(LoraConfig config) => new()
    {
        ["alpha_pattern"] = Numbers(config.AlphaPattern),
        ["base_model_name_or_path"] = config.BaseModel is null ? null : Redaction.Setting(config.BaseModel), // an adapter is passed on
        ["bias"] = "none",
        ["exclude_modules"] = config.Targets.Excluded is { Count: > 0 } excluded ? Texts(excluded) : null,
        ["fan_in_fan_out"] = false,
        ["inference_mode"] = true,
        ["init_lora_weights"] = true,
        ["layers_pattern"] = null,
        ["layers_to_transform"] = config.Targets.Layers is { } layers ? new JsonArray([.. layers.Select(layer => JsonValue.Create(layer))]) : null,
        ["lora_alpha"] = Number(config.Alpha),
        ["lora_bias"] = false,
        ["lora_dropout"] = config.Dropout,
        ["modules_to_save"] = null,
        ["peft_type"] = "LORA",
        ["r"] = config.Rank,
        ["rank_pattern"] = Numbers(config.RankPattern),
        ["revision"] = null,
        ["target_modules"] = config.Targets.Pattern is { } pattern ? pattern : Texts(config.Targets.Modules),
        ["target_parameters"] = config.Targets.Parameters is { Count: > 0 } parameters ? Texts(parameters) : null,
        ["task_type"] = null,
        ["use_dora"] = config.Dora,
        ["use_rslora"] = config.RankStabilised,
    };

    private static bool IsOff(JsonNode? value) => value is null || value.GetValueKind() switch
    {
        JsonValueKind.False or JsonValueKind.Null => true,
        JsonValueKind.Array => value.AsArray().Count == 0,
        _ => false,
    };

    private static string[] ExcludedModules(JsonObject json, JsonFields fields) => json["exclude_modules"]?.GetValueKind() == JsonValueKind.String
        ? throw fields.Wrong("exclude_modules", "an array of module names")
        : fields.Texts("exclude_modules");

    private static int[]? Layers(JsonFields fields) => fields.Has("layers_to_transform") ? fields.Ints("layers_to_transform") : null;

    private static Dictionary<string, double> Numbers(JsonFields fields, string name) =>
        fields.OptionalObject(name) is { } entries ? entries.NumberEntries().ToDictionary(entry => entry.Key, entry => entry.Value) : [];

    private static JsonObject Numbers(IReadOnlyDictionary<string, double>? values) =>
        new((values ?? new Dictionary<string, double>()).Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)Number(entry.Value))));

    private static JsonValue Number(double value) => value == Math.Floor(value) ? JsonValue.Create((long)value) : JsonValue.Create(value);

    private static JsonArray Texts(IReadOnlyList<string> values) => new([.. values.Select(value => JsonValue.Create(value))]);
}
