using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Medix.Runs;
using Medix.Text;

namespace Medix.Weights.Gguf.Export;

/// <summary>
/// The keys about a model as a whole, in the converter's order: sampling from <c>generation_config.json</c>, authorship from the model card's front matter and,
/// where it says nothing, from the model's name.
/// </summary>
internal static partial class GeneralMetadata
{
    private const long MostCardBytes = 1 << 20;

    private static readonly (string Key, string Setting, bool Whole)[] Sampling =
        [("top_k", "top_k", true), ("top_p", "top_p", false), ("min_p", "min_p", false), ("temp", "temperature", false)];

    /// <summary>Adds the keys.</summary>
    public static void Add(MetadataList metadata, Checkpoint model, string architecture, string kind, IReadOnlyList<PlannedTensor> tensors)
    {
        metadata.Add("general.architecture", architecture);
        metadata.Add("general.type", kind);
        AddSampling(metadata, Path.Combine(model.Folder, "generation_config.json"));
        long parameters = tensors.Sum(tensor => tensor.Count);
        CardFrontMatter card = Card(Path.Combine(model.Folder, "README.md"));
        ModelId[] ids = [.. Names(model.Folder).Select(name => ModelId.Of(name, parameters))];
        string? Said(params string[] keys) => keys.Select(key => card[key] is { Count: > 0 } values ? string.Join(',', values) : null).FirstOrDefault(value => value is not null);
        string? Known(Func<ModelId, string?> part) => ids.Select(part).FirstOrDefault(value => value is not null);
        void Write(string key, string? value)
        {
            if (value is not null)
            {
                metadata.Add($"general.{key}", value);
            }
        }

        Write("name", Said("name", "model_name") ?? ModelId.Title(ids[0].Name));
        Write("author", Said("author", "model_author", "model_creator"));
        Write("version", Said("version", "model_version") ?? Known(id => id.Version));
        Write("organization", Said("organization", "model_organization") ?? (Known(id => id.Organization) is { } organization ? ModelId.Title(organization) : null));
        Write("finetune", Said("finetune", "model_finetune") ?? Known(id => id.Finetune));
        Write("basename", Said("basename", "model_basename", "model_type") ?? Known(id => id.Basename));
        Write("description", Said("description", "model_description"));
        Write("size_label", Said("size_label", "model_size_label") ?? Known(id => id.Size) ?? SizeLabel.Of(tensors));
        Write("license", Said("license"));
        Write("license.name", Said("license_name"));
        Write("license.link", Said("license_link"));
        AddModels(metadata, "general.base_model", card["base_model"], parameters);
        AddModels(metadata, "general.dataset", card["datasets"], parameters);
        AddList(metadata, "general.tags", [.. card["tags"], .. card["pipeline_tag"]]);
        AddList(metadata, "general.languages", [.. card["languages"], .. card["language"]]);
    }

    private static void AddSampling(MetadataList metadata, string path)
    {
        JsonObject? settings = File.Exists(path) ? TokenizerJson.ReadObject(path) : null;
        foreach ((string key, string setting, bool whole) in Sampling)
        {
            if (settings?[setting] is not { } node)
            {
                continue;
            }

            double value = node.GetValueKind() == JsonValueKind.Number ? node.GetValue<double>() : double.NaN;
            if (!float.IsFinite((float)value) || (whole && (value % 1 != 0 || Math.Abs(value) > int.MaxValue)))
            {
                throw new MedixException(
                    $"{path}: {setting} is {node.ToJsonString()}, expected a {(whole ? "whole " : "")}number. Take the file from the model's own folder, or correct it.");
            }

            metadata.Add($"general.sampling.{key}", whole ? GgufValue.Of((int)value) : GgufValue.Of((float)value));
        }
    }

    /// <summary>The names the model may have, best first: its own word, then its place.</summary>
    private static IEnumerable<string> Names(string folder)
    {
        JsonFields config = JsonFields.Load(Path.Combine(folder, "config.json"));
        if (config.Has("_name_or_path") && config.Text("_name_or_path") is { Length: > 0 } own && own.Count(c => c == '/') <= 1)
        {
            yield return own;
        }

        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        // In the hub's cache the folder is named after a commit.
        Match cached = CachePath().Match(full.Replace('\\', '/'));
        yield return cached.Success ? $"{cached.Groups["owner"].Value}/{cached.Groups["name"].Value}" : Path.GetFileName(full);
    }

    private static CardFrontMatter Card(string path)
    {
        if (!File.Exists(path))
        {
            return CardFrontMatter.Parse("");
        }

        long bytes = new FileInfo(path).Length;
        return bytes <= MostCardBytes
            ? CardFrontMatter.Parse(File.ReadAllText(path))
            : throw new MedixException($"{path}: the model card has {bytes} bytes, expected at most {MostCardBytes}. Shorten it or move it away.");
    }

    /// <summary>What a model or data set was made from: by hub name, or by address.</summary>
    private static void AddModels(MetadataList metadata, string key, IReadOnlyList<string> sources, long parameters)
    {
        if (sources.Count == 0)
        {
            return;
        }

        metadata.Add($"{key}.count", sources.Count);
        for (int i = 0; i < sources.Count; i++)
        {
            string place = string.Create(CultureInfo.InvariantCulture, $"{key}.{i}");
            bool address = Address().IsMatch(sources[i]);
            string? name = !address ? sources[i] : HubAddress().Match(sources[i]) is { Success: true } hub ? hub.Groups[1].Value : null;
            ModelId? id = name is null ? null : ModelId.Of(name, parameters);
            string? url = address ? sources[i] : id!.Organization is null ? null : $"https://huggingface.co/{id.Organization}/{id.Name}";
            foreach ((string leaf, string? value) in ((string, string?)[])[
                ("name", id is null ? null : ModelId.Title(id.Name)), ("version", id?.Version),
                ("organization", id?.Organization is null ? null : ModelId.Title(id.Organization)), ("repo_url", url)])
            {
                if (value is not null)
                {
                    metadata.Add($"{place}.{leaf}", value);
                }
            }
        }
    }

    private static void AddList(MetadataList metadata, string key, string[] values)
    {
        if (values.Length > 0)
        {
            metadata.Add(key, GgufValue.Of(values));
        }
    }

    [GeneratedRegex("/models--(?<owner>[^/]+?)--(?<name>[^/]+)/snapshots/[^/]+$")]
    private static partial Regex CachePath();

    [GeneratedRegex("^(https?|ssh)://")]
    private static partial Regex Address();

    [GeneratedRegex("^https?://huggingface.co/([^/]+/[^/]+)$")]
    private static partial Regex HubAddress();
}
