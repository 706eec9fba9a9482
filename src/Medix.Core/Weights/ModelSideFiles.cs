using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Medix.Runs;

namespace Medix.Weights;

/// <summary>The small files that belong beside a model's weights: tokenizer, chat template, image processor, generation settings, licences.</summary>
public static partial class ModelSideFiles
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private static readonly string[] Names =
    [
        "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "vocab.txt", "added_tokens.json", "special_tokens_map.json", "chat_template.json",
        "chat_template.jinja", "preprocessor_config.json", "video_preprocessor_config.json", "generation_config.json",
    ];

    /// <summary>Copies those that are there, each whole or not at all; the configuration too where asked for.</summary>
    public static void Copy(string source, string target, bool withConfig = false)
    {
        foreach (string name in Names.Where(n => File.Exists(Path.Combine(source, n))))
        {
            AtomicFile.WriteAllBytes(Path.Combine(target, name), File.ReadAllBytes(Path.Combine(source, name)));
        }

        CopyLicences(source, target, "");
        if (withConfig)
        {
            AtomicFile.WriteAllBytes(Path.Combine(target, "config.json"), File.ReadAllBytes(Path.Combine(source, "config.json")));
        }
    }

    /// <summary>
    /// Copies licences and notices, whatever their ending: passing weights on most often asks for them. One that is there already with other words is not replaced:
    /// the copy gets a number behind its name.
    /// </summary>
    /// <param name="source">Folder to copy from.</param>
    /// <param name="target">Folder to copy to.</param>
    /// <param name="suffix">Put behind each name, before its ending.</param>
    internal static void CopyLicences(string source, string target, string suffix)
    {
        foreach (string path in Files(source).Where(path => LicenceFile().IsMatch(Path.GetFileName(path))).Order(StringComparer.Ordinal))
        {
            byte[] text = File.ReadAllBytes(path);
            string name = Path.GetFileNameWithoutExtension(path) + suffix, ending = Path.GetExtension(path);
            string[] places = [.. Enumerable.Range(1, 99).Select(i => Path.Combine(target, $"{name}{(i == 1 ? "" : $"-{i}")}{ending}"))];
            if (Array.Find(places, place => !File.Exists(place) || File.ReadAllBytes(place).AsSpan().SequenceEqual(text)) is { } free && !File.Exists(free))
            {
                AtomicFile.WriteAllBytes(free, text);
            }
        }
    }

    /// <summary>
    /// Writes generation settings and the image processor's where the folder has none: the published models' values, with this model's tokens and patches.
    /// </summary>
    public static void WriteMissingSettings(string folder, Qwen3VLConfig config)
    {
        if (config.EosTokenIds.Count > 0)
        {
            WriteMissing(folder, "generation_config.json", new JsonObject
            {
                ["bos_token_id"] = config.EosTokenIds[^1],
                ["do_sample"] = true,
                ["eos_token_id"] = new JsonArray([.. config.EosTokenIds.Select(id => JsonValue.Create(id))]),
                ["pad_token_id"] = config.EosTokenIds[^1],
                ["temperature"] = 0.7,
                ["top_k"] = 20,
                ["top_p"] = 0.8,
            });
        }

        if (config.Vision is { } vision)
        {
            WriteMissing(folder, "preprocessor_config.json", new JsonObject
            {
                ["size"] = new JsonObject { ["longest_edge"] = 16_777_216, ["shortest_edge"] = 65_536 },
                ["patch_size"] = vision.PatchSize,
                ["temporal_patch_size"] = vision.TemporalPatchSize,
                ["merge_size"] = vision.SpatialMergeSize,
                ["image_mean"] = new JsonArray(0.5, 0.5, 0.5),
                ["image_std"] = new JsonArray(0.5, 0.5, 0.5),
                ["processor_class"] = "Qwen3VLProcessor",
                ["image_processor_type"] = "Qwen2VLImageProcessorFast",
            });
        }
    }

    private static string[] Files(string folder) => Directory.Exists(folder) ? Directory.GetFiles(folder) : [];

    [GeneratedRegex(@"^(?:LICEN[CS]E|(?:THIRD[-_ ]?PARTY[-_ ]?)?NOTICES?|COPYING)(?:[-_. ].*)?$", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex LicenceFile();

    private static void WriteMissing(string folder, string name, JsonObject content)
    {
        string path = Path.Combine(folder, name);
        if (!File.Exists(path))
        {
            AtomicFile.WriteAllText(path, content.ToJsonString(Indented) + "\n");
        }
    }
}
