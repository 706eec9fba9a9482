using Medix.Runs;
using Medix.Weights.Adapters;

namespace Medix.Weights.Inspection;

/// <summary>One tensor of a model's files; <paramref name="File"/> is the file that holds it, or null where only the index names it.</summary>
public sealed record InspectedTensor(string Name, string DType, long[] Shape, long Bytes, string? File)
{
    /// <summary>Number of values.</summary>
    public long Count => Shape.Aggregate(1L, (product, side) => product * side);
}

/// <summary>A mixture's active parameters are those that one token uses.</summary>
public sealed record InspectedParameters(long Total, long? Text, long? Vision, long? ActivePerToken);

/// <summary>What a folder's tokenizer is: <paramref name="Vocabulary"/> counts ids, null where the files do not say.</summary>
public sealed record InspectedTokenizer(string Kind, int? Vocabulary, bool ChatTemplate);

/// <summary>
/// What the files of a model say, read from headers alone. <paramref name="Kind"/> is a word for it: model, encoder, static embedder, adapter or tensors;
/// <paramref name="KeyValueBytesPerToken"/> is the KV cache in bf16; <paramref name="MissingFiles"/> are shards the index names and the folder lacks.
/// </summary>
public sealed record ModelInspection(
    string Path, string Kind, string? Architecture, InspectedParameters Parameters, IReadOnlyDictionary<string, long> BytesByDType,
    InspectedTokenizer? Tokenizer, string? Licence, long? KeyValueBytesPerToken, IReadOnlyList<string> MissingFiles, IReadOnlyList<string> Notes,
    IReadOnlyList<InspectedTensor> Tensors)
{
    private static readonly string[] Known =
    [
        "Qwen3VLForConditionalGeneration", "Qwen3VLMoeForConditionalGeneration", "Qwen3ForCausalLM", "BertModel (and others with a BERT encoder)", "model2vec (StaticModel)",
    ];

    /// <summary>Looks at a folder or a file.</summary>
    /// <exception cref="MedixException">There is nothing to look at, it is a pickle, or its architecture is unknown.</exception>
    public static ModelInspection Of(string path)
    {
        if (File.Exists(path))
        {
            return OfFile(path);
        }

        if (!Directory.Exists(path))
        {
            throw new MedixException($"There is neither a file nor a folder '{path}', and no such repository in the hub's cache. Name a model's folder, "
                + $"or fetch it with `medix pull OWNER/NAME`.");
        }

        IReadOnlyList<InspectedTensor> tensors = TensorTable.OfFolder(path, out IReadOnlyList<string> missing);
        return LoraAdapter.IsAdapter(path) ? OfAdapter(path, tensors) : OfModel(path, tensors, missing);
    }

    private static ModelInspection OfFile(string path)
    {
        if (PickleGuard.IsPickle(path))
        {
            throw PickleGuard.Refusal(path);
        }

        IReadOnlyList<InspectedTensor> tensors = TensorTable.OfFile(path);
        return Make(path, "tensors", null, tensors, [], []);
    }

    private static ModelInspection OfAdapter(string folder, IReadOnlyList<InspectedTensor> tensors)
    {
        LoraConfig config = LoraConfigFile.Read(System.IO.Path.Combine(folder, LoraConfigFile.Name));
        string kind = config.Dora ? "DoRA" : config.RankStabilised ? "rank-stabilised LoRA" : "LoRA";
        string targets = config.Targets.Pattern ?? string.Join(", ", config.Targets.Modules.Concat(config.Targets.Parameters ?? []));
        return Make(folder, "adapter", $"{kind}, rank {config.Rank}, alpha {config.Alpha}", tensors, [], [$"base: {config.BaseModel ?? "not said"}", $"targets: {targets}"]);
    }

    private static ModelInspection OfModel(string folder, IReadOnlyList<InspectedTensor> tensors, IReadOnlyList<string> missing)
    {
        string config = System.IO.Path.Combine(folder, "config.json");
        if (!File.Exists(config))
        {
            return Make(folder, "tensors", null, tensors, missing, ["there is no config.json"]);
        }

        JsonFields fields = JsonFields.Load(config);
        string type = fields.Has("model_type") ? fields.Text("model_type") : "";
        string architecture = fields.Has("architectures") ? fields.Texts("architectures").FirstOrDefault() ?? type : type;
        if (type == "model2vec" || architecture == "StaticModel")
        {
            return Make(folder, "static embedder", "model2vec", tensors, missing, []);
        }

        if (type.Contains("bert", StringComparison.OrdinalIgnoreCase) || architecture.StartsWith("Bert", StringComparison.Ordinal))
        {
            return Make(folder, "encoder", architecture, tensors, missing, []);
        }

        if (!architecture.StartsWith("Qwen3", StringComparison.Ordinal))
        {
            throw new MedixException($"{config}: the architecture is '{architecture}', which Medix does not know. Known are {string.Join(", ", Known)}.");
        }

        return OfQwen(folder, ModelConfigReader.Read(config), tensors, missing);
    }

    private static ModelInspection OfQwen(string folder, Qwen3VLConfig config, IReadOnlyList<InspectedTensor> tensors, IReadOnlyList<string> missing)
    {
        bool tied = tensors.Count > 0 && tensors.All(tensor => TensorNames.Canonical(tensor.Name) != ModelTensors.Head);
        config = config with { Text = config.Text with { TieWordEmbeddings = tensors.Count > 0 ? tied : config.Text.TieWordEmbeddings } };
        ExpectedTensor[] plan = [.. ModelTensors.Of(config)];
        long Sum(IEnumerable<ExpectedTensor> part) => part.Sum(tensor => tensor.Shape.Aggregate(1L, (product, side) => product * side));
        long vision = Sum(plan.Where(tensor => tensor.Name.StartsWith(ModelTensors.VisionPrefix, StringComparison.Ordinal))), all = Sum(plan);
        long experts = Sum(plan.Where(tensor => tensor.Shape.Length == 3 && tensor.Name.Contains(".experts.", StringComparison.Ordinal)));
        long? active = config.Text.Experts is > 0 and int count ? all - vision - experts + (experts / count * config.Text.ExpertsPerToken) : null;
        long cache = 2L * config.Text.Layers * config.Text.KeyValueHeads * config.Text.HeadDim * 2;
        HashSet<string> names = [.. tensors.Select(tensor => TensorNames.Canonical(tensor.Name))];
        string[] lacking = missing.Count > 0 || tensors.Count == 0 ? [] : [.. plan.Where(tensor => !names.Contains(tensor.Name)).Select(tensor => tensor.Name)];
        List<string> notes = [config.Text.TieWordEmbeddings ? "the output head is the token embedding" : "the output head has weights of its own"];
        notes.AddRange(lacking.Length > 0 ? [$"{lacking.Length} tensors that config.json calls for are not there, the first is '{lacking[0]}'"] : Array.Empty<string>());
        ModelInspection made = Make(folder, "model", config.Architecture, tensors, missing, notes);
        return made with { Parameters = new(all, all - vision, config.Vision is null ? null : vision, active), KeyValueBytesPerToken = cache };
    }

    private static ModelInspection Make(
        string path, string kind, string? architecture, IReadOnlyList<InspectedTensor> tensors, IReadOnlyList<string> missing, IReadOnlyList<string> notes)
    {
        string folder = Directory.Exists(path) ? path : System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        bool whole = Directory.Exists(path);
        return new(
            path, kind, architecture, new(tensors.Sum(tensor => tensor.Count), null, null, null),
            tensors.Where(tensor => tensor.File is not null).GroupBy(tensor => tensor.DType).ToDictionary(group => group.Key, group => group.Sum(tensor => tensor.Bytes)),
            whole ? FolderTexts.Tokenizer(folder) : null, whole ? FolderTexts.Licence(folder) : null, null, missing, notes, tensors);
    }
}
