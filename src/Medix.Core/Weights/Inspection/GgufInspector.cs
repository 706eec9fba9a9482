using System.Globalization;
using System.Text.RegularExpressions;
using Medix.Runs;
using Medix.Runs.Licenses;
using Medix.Weights.Gguf;
using Medix.Weights.Gguf.Quantisation;

namespace Medix.Weights.Inspection;

/// <summary>Says what a GGUF model is from its header: metadata and the table of tensors. No weight is read.</summary>
internal static partial class GgufInspector
{
    private const string Extension = ".gguf";
    private const int MaxSources = 16;

    /// <summary>Whether a file is GGUF, by its first bytes or by its name.</summary>
    public static bool IsGguf(string path)
    {
        using FileStream stream = File.OpenRead(path);
        Span<byte> start = stackalloc byte[4];
        return stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length && start.SequenceEqual("GGUF"u8)
            || Path.GetExtension(path).Equals(Extension, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The names of a folder's GGUF models, of split ones the first file.</summary>
    public static IReadOnlyList<string> ModelsIn(string folder) => !Directory.Exists(folder) ? []
        : [.. Directory.EnumerateFiles(folder, "*" + Extension).Select(path => Path.GetFileName(path))
            .Where(name => !PartName().IsMatch(name) || PartName().Match(name).Groups["number"].Value == "00001").Order(StringComparer.Ordinal)];

    /// <summary>The path of the one model of a folder that has no other weights; a vision tower beside it (<c>mmproj</c>) does not count. Else null.</summary>
    public static string? OnlyModelIn(string folder)
    {
        string[] models = [.. ModelsIn(folder).Where(name => !name.Contains("mmproj", StringComparison.OrdinalIgnoreCase))];
        return models.Length == 1 && !Directory.EnumerateFiles(folder, "*.safetensors").Any() ? Path.Combine(folder, models[0]) : null;
    }

    /// <summary>Inspects a file; of a split model all parts that are there.</summary>
    /// <exception cref="MedixException">It is no sound GGUF file; the message says where.</exception>
    public static ModelReport Inspect(string path)
    {
        string[] parts = PartsOf(path), missing = [.. parts.Where(part => !File.Exists(part))];
        List<TensorEntry> entries = [];
        GgufMetadata? first = null, asked = null;
        foreach (string part in parts.Except(missing))
        {
            using GgufFile file = GgufFile.Open(part);
            first ??= file.Metadata;
            asked = part == path ? file.Metadata : asked;
            entries.AddRange(file.Order.Select(name => Entry(file.Tensors[name], Path.GetFileName(part))));
        }

        if (entries.GroupBy(entry => entry.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new MedixException($"{path}: tensor '{twice.Key}' is in {string.Join(" and ", twice.Select(entry => $"'{entry.Shard}'"))}. Fetch all parts of one model.");
        }

        return Report(path, first ?? asked!, TensorTable.Of(entries, parts.Select(part => Path.GetFileName(part)), missing.Select(part => Path.GetFileName(part))));
    }

    private static ModelReport Report(string path, GgufMetadata metadata, TensorTable table)
    {
        string architecture = Text(metadata, "general.architecture") ?? "not named";
        LicensedPart licence = Licence(path, metadata);
        List<string> notes = [.. licence.Warnings];
        string[] readable = [.. BlockFormats.All.Where(format => format.CanRead).Select(format => format.Name)];
        string[] unread = [.. table.Entries.Select(entry => entry.DType!).Distinct().Except(readable)];
        if (unread.Length > 0)
        {
            notes.Add($"Medix does not read tensors of type {string.Join(", ", unread)}.");
        }

        return new ModelReport(
            path, ModelKind.Gguf, architecture, Summary(metadata, architecture), new ParameterCounts(table.Entries.Sum(entry => entry.Parameters ?? 0)),
            ModelSummaries.Totals(table.Entries), table.Entries.Count, [.. table.Entries], table.Shards, table.Missing, Cache(metadata, architecture),
            Tokenizer(path, metadata), licence.Licenses.Count == 0 ? null : new LicenceSummary(licence.Names, licence.ReadFrom), [], notes);
    }

    private static TensorEntry Entry(GgufTensor tensor, string file) => new(tensor.Name, tensor.Format.Name, tensor.Shape, tensor.Count, tensor.Bytes, file, Present: true);

    private static string Summary(GgufMetadata metadata, string architecture)
    {
        string? Named(string key, string words) =>
            Number(metadata, $"{architecture}.{key}") is { } number ? string.Create(CultureInfo.InvariantCulture, $"{number} {words}") : null;
        string?[] facts =
        [
            Text(metadata, "general.name"),
            Named("block_count", "layers"), Named("embedding_length", "wide"), Named("attention.head_count", "heads"), Named("attention.head_count_kv", "of keys and values"),
            Named("feed_forward_length", "in the MLP"), Named("expert_count", "experts"), Named("expert_used_count", "of them per token"), Named("context_length", "positions"),
            Named("vision.block_count", "vision layers"), Named("vision.embedding_length", "wide"), Named("vision.attention.head_count", "heads"),
            Named("vision.patch_size", "pixels to a patch"),
        ];
        return string.Join(", ", facts.OfType<string>());
    }

    private static CacheSize? Cache(GgufMetadata metadata, string architecture)
    {
        long? At(string key) => Number(metadata, $"{architecture}.{key}");
        long? head = At("attention.key_length") ?? (At("attention.head_count") is > 0 and { } heads ? At("embedding_length") / heads : null);
        long? value = At("attention.value_length") ?? head;
        return At("block_count") * At("attention.head_count_kv") * (head + value) is { } values and > 0 ? new CacheSize(values * 2, values * 4) : null;
    }

    private static TokenizerSummary? Tokenizer(string path, GgufMetadata metadata)
    {
        if (Text(metadata, "tokenizer.ggml.model") is not { } model)
        {
            return null;
        }

        string? splitter = Text(metadata, "tokenizer.ggml.pre");
        int? tokens = metadata.TryGet("tokenizer.ggml.tokens", out GgufValue? list) && list.Value is string[] texts ? texts.Length : null;
        string kind = model switch
        {
            "gpt2" => "byte-level BPE",
            "llama" => "SentencePiece",
            "bert" => "WordPiece",
            "t5" => "Unigram",
            _ => "unknown",
        };
        return new TokenizerSummary($"{kind} ({model}{(splitter is null ? "" : $", {splitter}")})", tokens, metadata.Has("tokenizer.chat_template"), Path.GetFileName(path))
        {
            LargestId = (tokens ?? 0) - 1,
        };
    }

    private static LicensedPart Licence(string path, GgufMetadata metadata)
    {
        List<string?> names = [Text(metadata, "general.name"), Text(metadata, "general.basename"), Text(metadata, "general.repo_url"), Text(metadata, "general.source.repo_url")];
        for (int i = 0; i < MaxSources; i++)
        {
            string Key(string last) => string.Create(CultureInfo.InvariantCulture, $"general.base_model.{i}.{last}");
            names.AddRange([Text(metadata, Key("name")), Text(metadata, Key("repo_url"))]);
        }

        string? stated = Text(metadata, "general.license");
        string? name = stated is null or "other" ? Text(metadata, "general.license.name") ?? stated : stated;
        string key = name == stated ? "general.license" : "general.license.name";
        return LicenseReader.OfFile(path, string.IsNullOrWhiteSpace(name) ? null : name, key, names.OfType<string>());
    }

    /// <summary>The paths of all parts of a split model, in order, or of the one file.</summary>
    private static string[] PartsOf(string path)
    {
        Match name = PartName().Match(Path.GetFileName(path));
        if (!name.Success || int.Parse(name.Groups["count"].ValueSpan, CultureInfo.InvariantCulture) is not (> 1 and <= 1000 and int count))
        {
            return [path];
        }

        string folder = Path.GetDirectoryName(path) ?? "", stem = name.Groups["stem"].Value;
        IEnumerable<string> names = Enumerable.Range(1, count).Select(i => string.Create(CultureInfo.InvariantCulture, $"{stem}-{i:00000}-of-{count:00000}{Extension}"));
        string[] parts = [.. names.Select(part => Path.Combine(folder, part))];
        return parts.Contains(path) ? parts : [path];
    }

    private static string? Text(GgufMetadata metadata, string key) => metadata.TryGet(key, out GgufValue? value) ? value.Value as string : null;

    // Some models give a number for each layer: there is no one number to say then.
    private static long? Number(GgufMetadata metadata, string key) => metadata.TryGet(key, out GgufValue? found) ? found.Value switch
    {
        byte n => n,
        ushort n => n,
        uint n => n,
        int n and >= 0 => n,
        long n and >= 0 => n,
        ulong n and <= long.MaxValue => (long)n,
        _ => null,
    }
    : null;

    [GeneratedRegex(@"^(?<stem>.+)-(?<number>\d{5})-of-(?<count>\d{5})\.gguf$")]
    private static partial Regex PartName();
}
