using System.Text.Json;
using Medix.Runs;
using Medix.Text;

namespace Medix.Weights.Encoders;

/// <summary>How the vectors of a text's tokens become one.</summary>
public enum PoolingMode
{
    /// <summary>The first token's, [CLS].</summary>
    Cls,

    /// <summary>The mean of all, special tokens included.</summary>
    Mean,

    /// <summary>The largest value of each dimension.</summary>
    Max,
}

/// <summary>The kinds of folders that hold an embedder.</summary>
public enum EmbedderKind
{
    /// <summary>A BERT encoder.</summary>
    Bert,

    /// <summary>A vector for each subword (model2vec, or sentence-transformers' StaticEmbedding).</summary>
    Static,

    /// <summary>A vector for each word (GloVe and the like).</summary>
    Words,
}

/// <summary>
/// What the files of an embedder's folder say. <paramref name="ModelFolder"/> holds weights and tokenizer; <paramref name="MaxTokens"/> is the limit
/// that the files set, if any; <paramref name="Prompt"/> goes before every text; <paramref name="DropUnknown"/> leaves unknown tokens out of the mean.
/// </summary>
public sealed record EmbedderFiles(
    EmbedderKind Kind, string ModelFolder, PoolingMode Pooling, bool Normalize, int? MaxTokens = null, bool LowerCase = false, string Prompt = "", bool DropUnknown = false)
{
    /// <summary>The words ↔ rows file of a folder of word vectors.</summary>
    public const string WordsFile = "dictionary.json";

    private const int StaticTokens = 512;

    /// <summary>
    /// Tells the kinds apart. <paramref name="pooling"/> replaces what the files say; a BERT folder that says nothing is pooled by mean, as sentence-transformers does.
    /// </summary>
    /// <exception cref="MedixException">Not an embedder's folder, an unknown architecture, or a step that is not implemented.</exception>
    public static EmbedderFiles Read(string folder, PoolingMode? pooling = null)
    {
        if (!Directory.Exists(folder))
        {
            throw new MedixException($"There is no embedder folder '{folder}'. Name a folder with a model's config.json, tokenizer and model.safetensors.");
        }

        string modules = Path.Combine(folder, "modules.json"), config = Path.Combine(folder, "config.json");
        if (File.Exists(config) && IsModel2Vec(JsonFields.Load(config)))
        {
            return new EmbedderFiles(
                EmbedderKind.Static, folder, PoolingMode.Mean, JsonFields.Load(config).Bool("normalize", true), StaticTokens, DropUnknown: true);
        }

        if (File.Exists(modules))
        {
            return ReadModules(folder, modules, pooling);
        }

        if (File.Exists(config))
        {
            RequireBert(config);
            return new EmbedderFiles(EmbedderKind.Bert, folder, pooling ?? PoolingMode.Mean, Normalize: true, MaxTokens: TokenizerLimit(folder));
        }

        string sentences = Path.Combine(folder, "config_sentence_transformers.json");
        return File.Exists(Path.Combine(folder, WordsFile)) ? new EmbedderFiles(EmbedderKind.Words, folder, PoolingMode.Mean, Normalize: true)
            : File.Exists(sentences) && File.Exists(Path.Combine(folder, "tokenizer.json"))
                ? new EmbedderFiles(EmbedderKind.Static, folder, PoolingMode.Mean, JsonFields.Load(sentences).Bool("normalize", true))
                : throw new MedixException(
                    $"{folder}: it has neither modules.json (sentence-transformers), config.json (BERT, model2vec) nor {WordsFile} (word vectors). "
                    + "Name the folder of an embedding model, not one above or below it.");
    }

    private static bool IsModel2Vec(JsonFields config) =>
        (config.Has("model_type") && config.Text("model_type") == "model2vec") || config.Texts("architectures").Contains("StaticModel");

    /// <summary>Throws unless the configuration is a BERT encoder's.</summary>
    private static void RequireBert(string path)
    {
        JsonFields config = JsonFields.Load(path);
        string[] named = config.Texts("architectures");
        string? type = config.Has("model_type") ? config.Text("model_type") : null;
        bool known = type is null or "bert" && named.All(name => name.StartsWith("Bert", StringComparison.Ordinal)) && (type is not null || named.Length > 0);
        if (!known)
        {
            string given = named.Length > 0 ? string.Join(", ", named) : type ?? "missing";
            throw new MedixException(
                $"{path}: the architecture is '{given}'; known embedders are BertModel (MedEmbed, bge, MiniLM and other BERT encoders) and StaticModel (model2vec). "
                + "Choose a model of one of these.");
        }
    }

    private static EmbedderFiles ReadModules(string folder, string path, PoolingMode? pooling)
    {
        using JsonDocument document = TokenizerJson.Read(path);
        List<(string Type, string Folder)> modules = [];
        foreach (JsonElement module in document.RootElement.ValueKind == JsonValueKind.Array ? document.RootElement.EnumerateArray() : default)
        {
            string type = TokenizerJson.Text(module, "type") ?? "missing", place = TokenizerJson.Text(module, "path") ?? "";
            string inside = Path.GetFullPath(Path.Combine(folder, place));
            if (Path.GetRelativePath(folder, inside).StartsWith("..", StringComparison.Ordinal))
            {
                throw new MedixException($"{path}: a module's path is '{place}', expected a folder within this one. Fetch the file again.");
            }

            modules.Add((type[(type.LastIndexOf('.') + 1)..], inside));
        }

        return modules switch
        {
            [("Transformer", var model), ("Pooling", var pool)] => Bert(folder, model, pool, false, pooling),
            [("Transformer", var model), ("Pooling", var pool), ("Normalize", _)] => Bert(folder, model, pool, true, pooling),
            [("StaticEmbedding", var model)] => new EmbedderFiles(EmbedderKind.Static, model, PoolingMode.Mean, false, Prompt: PromptOf(folder)),
            [("StaticEmbedding", var model), ("Normalize", _)] => new EmbedderFiles(EmbedderKind.Static, model, PoolingMode.Mean, true, Prompt: PromptOf(folder)),
            _ => throw new MedixException(
                $"{path}: the modules are {string.Join(", ", modules.Select(module => module.Type))}; expected Transformer and Pooling, or StaticEmbedding, "
                + "each with or without Normalize. Choose a model made of these."),
        };
    }

    private static EmbedderFiles Bert(string folder, string model, string pool, bool normalize, PoolingMode? pooling)
    {
        string config = Path.Combine(model, "config.json");
        RequireBert(config);
        string settingsPath = Path.Combine(model, "sentence_bert_config.json");
        JsonFields? settings = File.Exists(settingsPath) ? JsonFields.Load(settingsPath) : null;
        int? limit = settings?.Has("max_seq_length") == true ? settings.Int("max_seq_length", 3) : TokenizerLimit(model);
        string poolPath = Path.Combine(pool, "config.json");
        JsonFields poolConfig = JsonFields.Load(poolPath);
        string prompt = PromptOf(folder);
        if (prompt.Length > 0 && !poolConfig.Bool("include_prompt", true))
        {
            throw poolConfig.Wrong("include_prompt", "true: leaving a prompt out of the pooling is not implemented");
        }

        return new EmbedderFiles(
            EmbedderKind.Bert, model, pooling ?? PoolingOf(poolConfig, poolPath), normalize, limit, settings?.Bool("do_lower_case", false) ?? false, prompt);
    }

    private static PoolingMode PoolingOf(JsonFields config, string path)
    {
        string[] flags = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"];
        string[] set = config.Has("pooling_mode") ? [config.Text("pooling_mode")] : [.. flags.Where(flag => config.Bool("pooling_mode_" + flag, false))];
        return set switch
        {
            ["cls_token" or "cls"] => PoolingMode.Cls,
            ["mean_tokens" or "mean"] => PoolingMode.Mean,
            ["max_tokens" or "max"] => PoolingMode.Max,
            _ => throw new MedixException(
                $"{path}: the pooling is {(set.Length == 0 ? "not set" : string.Join(" and ", set))}; expected one of cls_token, mean_tokens and max_tokens. "
                + "Choose a model that is pooled so, or take the file from the model's own folder."),
        };
    }

    /// <summary>What sentence-transformers puts before every text when it is not told otherwise.</summary>
    private static string PromptOf(string folder)
    {
        string path = Path.Combine(folder, "config_sentence_transformers.json");
        JsonFields? settings = File.Exists(path) ? JsonFields.Load(path) : null;
        return settings?.Has("default_prompt_name") == true ? settings.Object("prompts").Text(settings.Text("default_prompt_name")) : "";
    }

    // Files write "no limit" as a number far above any model's.
    private static int? TokenizerLimit(string folder)
    {
        string path = Path.Combine(folder, "tokenizer_config.json");
        if (!File.Exists(path))
        {
            return null;
        }

        using JsonDocument document = TokenizerJson.Read(path);
        return TokenizerJson.Find(document.RootElement, "model_max_length") is { ValueKind: JsonValueKind.Number } limit
            && limit.TryGetInt32(out int tokens) && tokens > 2 ? tokens : null;
    }
}
