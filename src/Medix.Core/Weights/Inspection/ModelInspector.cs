using Medix.Runs;
using Medix.Runs.Licenses;
using Medix.Weights.Adapters;
using Medix.Weights.Encoders;

namespace Medix.Weights.Inspection;

/// <summary>
/// Says what a model is from its configuration, index and safetensors headers. No weight is read, so that a model of any size takes well under a second, and
/// a folder whose shards are not there yet can be inspected too.
/// </summary>
public static class ModelInspector
{
    private const string Config = "config.json";
    private const string IndexEnd = ".safetensors.index.json";
    private const string PickleIndexEnd = ".bin.index.json";

    /// <summary>The architectures that Medix loads, by the names that <c>config.json</c> gives them.</summary>
    public static IReadOnlyList<string> KnownArchitectures { get; } =
        [.. ModelConfigReader.ArchitectureByType.Values, "BertModel", "StaticModel"];

    /// <summary>
    /// Inspects a model's, an embedder's or an adapter's folder, a safetensors or GGUF file, or the checkpoint that a <c>.safetensors.index.json</c> lists.
    /// </summary>
    /// <exception cref="MedixException">
    /// Nothing is there, an architecture that is not known, a pickle, or a file that is broken. What only keeps the model from loading is among the report's faults.
    /// </exception>
    public static ModelReport Inspect(string path)
    {
        try
        {
            return InspectFiles(path);
        }
        catch (InvalidOperationException fault)
        {
            // The JSON reader's word for a text with half a surrogate pair.
            throw new MedixException($"{path}: a file of the model holds a text that is not valid Unicode ({fault.Message.TrimEnd('.')}). Fetch the files again.", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new MedixException($"{path}: a file of the model cannot be read ({fault.Message.TrimEnd('.')}). Check the path and its permissions.", fault);
        }
    }

    /// <summary>What the files beside a language model's weights say, whatever those are: for a packed model, whose shape is in its own file.</summary>
    /// <exception cref="MedixException">A file is broken or cannot be read.</exception>
    public static ModelCompanions Companions(string folder, TextConfig text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return new ModelCompanions(CacheOf(text), TokenizerSummaryReader.Read(folder), LicenceReader.Read(folder));
    }

    private static CacheSize CacheOf(TextConfig text)
    {
        long values = 2L * text.Layers * text.KeyValueHeads * text.HeadDim;
        return new CacheSize(values * 2, values * 4);
    }

    private static ModelReport InspectFiles(string path)
    {
        if (File.Exists(path))
        {
            return OfFile(path);
        }

        if (!Directory.Exists(path))
        {
            throw new MedixException($"There is no file or folder '{path}'. Name a model's folder, or a .safetensors, .safetensors.index.json, .gguf or .medix file.");
        }

        string config = Path.Combine(path, Config);
        return File.Exists(Path.Combine(path, LoraConfigFile.Name)) ? OfAdapter(path)
            : File.Exists(config) && IsLanguageModel(config) ? OfLanguageModel(path, config)
            : IsEmbedder(path, config) ? OfEmbedder(path)
            : File.Exists(config) ? throw Unknown(path, config)
            : GgufInspector.OnlyModelIn(path) is { } gguf ? GgufInspector.Inspect(gguf)
            : OfTensors(path, TensorTable.OfAll(path), path);
    }

    private static ModelReport OfFile(string path)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!, name = Path.GetFileName(path);
        if (name.EndsWith(PickleIndexEnd, StringComparison.Ordinal))
        {
            throw WeightFileChecks.Refusal(path, "it is the index of a checkpoint in .bin files");
        }

        if (!name.EndsWith(IndexEnd, StringComparison.Ordinal))
        {
            return GgufInspector.IsGguf(path) ? GgufInspector.Inspect(path)
                : Path.GetExtension(name).ToLowerInvariant() is ".json" or ".txt" or ".md" or ".png" or ".jpg" or ".jpeg"
                    ? throw new MedixException($"{path}: it is no model's file. Name a model's folder, or a .safetensors, .safetensors.index.json, .gguf or .medix file.")
                    : OfTensors(path, TensorTable.OfFile(path), folder);
        }

        // The index of the folder's own weights stands for the folder; any other lists tensors that no configuration describes.
        string own = File.Exists(Path.Combine(folder, LoraConfigFile.Name)) ? "adapter_model" : "model";
        bool isDescribed = name == own + IndexEnd && (own != "model" || File.Exists(Path.Combine(folder, Config)));
        return isDescribed ? InspectFiles(folder) with { Path = path } : OfTensors(path, TensorTable.OfIndex(path), folder);
    }

    private static bool IsLanguageModel(string config) => Named(config) is var (names, type)
        && (names.Length == 0 ? type is not null && ModelConfigReader.ArchitectureByType.ContainsKey(type) : names.Any(ModelConfigReader.ArchitectureByType.ContainsValue));

    private static bool IsEmbedder(string folder, string config)
    {
        if (((string[])["modules.json", "config_sentence_transformers.json", EmbedderFiles.WordsFile]).Any(name => File.Exists(Path.Combine(folder, name))))
        {
            return true;
        }

        return File.Exists(config) && Named(config) is var (names, type)
            && (type is "bert" or "model2vec" || names.Any(name => name is "StaticModel" || name.StartsWith("Bert", StringComparison.Ordinal)));
    }

    private static (string[] Names, string? Type) Named(string config)
    {
        JsonFields fields = JsonFields.Load(config);
        return (fields.Texts("architectures"), fields.Has("model_type") ? fields.Text("model_type") : null);
    }

    private static MedixException Unknown(string folder, string config)
    {
        RefusePickles(folder);
        (string[] names, string? type) = Named(config);
        return new MedixException(
            $"{config}: the architecture is '{(names.Length > 0 ? string.Join(", ", names) : type ?? "missing")}', known are {string.Join(", ", KnownArchitectures)}. "
            + "Choose a model of one of these, or name one of the folder's .safetensors files to see its tensors alone.");
    }

    private static ModelReport OfLanguageModel(string folder, string path)
    {
        TensorTable table = WeightsOf(folder);
        Qwen3VLConfig config = ModelConfigReader.Read(path);
        if (table.Entries.Count > 0)
        {
            bool tied = !table.Contains(ModelTensors.Head, TensorNames.Canonical);
            config = config with { Text = config.Text with { TieWordEmbeddings = tied } };
        }

        table.Complete(ModelTensors.Of(config), TensorNames.Canonical, DeclaredType(path));
        TextConfig text = config.Text;
        TokenizerSummary? tokenizer = TokenizerSummaryReader.Read(folder);
        RequireRows(table, tokenizer, text.VocabularySize);
        return Report(folder, ModelKind.LanguageModel, config.Architecture, ModelSummaries.Of(config), table, folder, tokenizer) with
        {
            Parameters = ModelSummaries.Count(table.Entries, text),
            Cache = CacheOf(text),
        };
    }

    private static ModelReport OfEmbedder(string folder)
    {
        EmbedderFiles files = EmbedderFiles.Read(folder);
        TokenizerSummary? tokenizer = TokenizerSummaryReader.Read(files.ModelFolder);
        string limit = files.MaxTokens is { } tokens ? $", reads at most {tokens} tokens" : "";
        if (files.Kind == EmbedderKind.Bert)
        {
            return OfBert(folder, files, limit, tokenizer);
        }

        bool words = files.Kind == EmbedderKind.Words;
        TensorTable table = words ? TensorTable.OfAll(folder) : WeightsOf(files.ModelFolder);
        string summary = ModelSummaries.OfVectors(table.Entries, words ? "words" : "subwords") + limit;
        return Report(
            folder, words ? ModelKind.WordVectors : ModelKind.StaticEmbedder, words ? "word vectors" : "StaticModel", summary, table, files.ModelFolder, tokenizer);
    }

    private static ModelReport OfBert(string folder, EmbedderFiles files, string limit, TokenizerSummary? tokenizer)
    {
        TensorTable table = WeightsOf(files.ModelFolder);
        string path = Path.Combine(files.ModelFolder, Config);
        BertConfig config = BertConfig.Read(path);
        bool pooler = table.Contains(BertTensors.Pooler + ".weight", BertTensors.Canonical);
        table.Complete(pooler ? BertTensors.Of(config).Concat(BertTensors.PoolerOf(config)) : BertTensors.Of(config), BertTensors.Canonical, DeclaredType(path));
        RequireRows(table, tokenizer, config.VocabularySize);
        string summary = $"{ModelSummaries.Of(config)}, {files.Pooling.ToString().ToLowerInvariant()} pooling{limit}";
        return Report(folder, ModelKind.Encoder, Named(path).Names.FirstOrDefault() ?? "BertModel", summary, table, files.ModelFolder, tokenizer);
    }

    private static ModelReport OfAdapter(string folder)
    {
        TensorTable table = WeightsOf(folder, "adapter_model");
        string summary;
        try
        {
            summary = ModelSummaries.Of(LoraConfigFile.Read(Path.Combine(folder, LoraConfigFile.Name)));
        }
        catch (MedixException fault)
        {
            // The tensors are worth a look even where Medix cannot use the adapter.
            summary = "settings that Medix does not apply";
            table.Faults.Add(fault.Message);
        }

        return Report(folder, ModelKind.Adapter, "PEFT adapter", summary, table, folder, TokenizerSummaryReader.Read(folder));
    }

    private static ModelReport OfTensors(string path, TensorTable table, string folder)
    {
        if (table.Shards.Count == 0)
        {
            RefusePickles(folder);
            throw new MedixException(
                $"{path}: there is neither {Config}, {LoraConfigFile.Name} nor a .safetensors file. "
                + (GgufInspector.ModelsIn(path) is { Count: > 0 } models ? $"Name one of its models: {string.Join(", ", models)}."
                    : "Name the folder of a model, an embedder or an adapter, or a .safetensors or .gguf file."));
        }

        return Report(path, ModelKind.Tensors, "not known: a file of tensors alone", "", table, folder);
    }

    private static TensorTable WeightsOf(string folder, string stem = "model")
    {
        TensorTable table = TensorTable.OfFolder(folder, stem);
        if (table.Shards.Count == 0)
        {
            RefusePickles(folder);
            table.Notes.Add("There are no weights in the folder.");
        }

        return table;
    }

    private static void RefusePickles(string folder)
    {
        if (WeightFileChecks.PicklesIn(folder) is [var first, ..])
        {
            string path = Path.Combine(folder, first);
            throw WeightFileChecks.Refusal(path, WeightFileChecks.PickleSign(path)!);
        }
    }

    private static void RequireRows(TensorTable table, TokenizerSummary? tokenizer, int rows)
    {
        if (tokenizer?.LargestId >= rows)
        {
            table.Faults.Add($"{tokenizer.File} has a token of id {tokenizer.LargestId}, but the model has only {rows} embeddings. Use tokenizer and weights of one model.");
        }
    }

    /// <summary>The element type that the configuration says the weights are saved in, by safetensors' name, or null.</summary>
    private static string? DeclaredType(string config)
    {
        JsonFields root = JsonFields.Load(config);
        JsonFields? place = new[] { root, root.OptionalObject("text_config") }.FirstOrDefault(fields => fields?.Has("dtype") == true || fields?.Has("torch_dtype") == true);
        return place?.Text(place.Has("dtype") ? "dtype" : "torch_dtype") switch
        {
            "bfloat16" => "BF16",
            "float16" => "F16",
            "float32" => "F32",
            _ => null,
        };
    }

    private static ModelReport Report(string path, ModelKind kind, string architecture, string summary, TensorTable table, string folder, TokenizerSummary? tokenizer = null)
    {
        table.CompareBytes();
        string home = File.Exists(path) ? folder : path;
        if (table.Shards.Count > 0 && (kind != ModelKind.Tensors || Directory.Exists(path)))
        {
            IEnumerable<string> pickles = WeightFileChecks.PicklesIn(folder).Select(name => $"{name} ({WeightFileChecks.PickleSign(Path.Combine(folder, name))})");
            table.Notes.AddRange(pickles.Select(pickle => $"{pickle}: Python pickle, which Medix never reads; the .safetensors beside it is used."));
        }

        LicensedPart licence = LicenseReader.OfModel(home, home, null);
        table.Notes.AddRange(licence.Warnings);
        return new ModelReport(
            path, kind, architecture, summary,
            new ParameterCounts(table.Entries.Sum(entry => entry.Parameters ?? 0)), ModelSummaries.Totals(table.Entries), table.Entries.Count,
            [.. table.Entries], table.Shards, table.Missing, Cache: null,
            tokenizer, LicenceReader.Read(home) ?? (licence.Licenses.Count == 0 ? null : new LicenceSummary(licence.Names, licence.ReadFrom)),
            [.. table.Faults.Take(ModelReport.MaxFaults)], [.. table.Notes]);
    }
}
