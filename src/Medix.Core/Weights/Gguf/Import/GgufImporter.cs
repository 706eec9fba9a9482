using System.Text.Json;
using System.Text.Json.Nodes;
using Medix.Imaging;
using Medix.Runs;
using Medix.Text;
using Medix.Weights.Creation;

namespace Medix.Weights.Gguf.Import;

/// <summary>
/// How a model is written. <paramref name="DType"/> is <c>BF16</c>, <c>F16</c> or <c>F32</c>, to which values are rounded; only <c>F32</c> keeps every value of
/// a quantised file. <paramref name="ShardBytes"/> is the most that one file holds.
/// </summary>
public sealed record ImportOptions(string DType = "BF16", long ShardBytes = 5_000_000_000);

/// <summary>
/// Writes a GGUF model as a Hugging Face folder: configuration, weights, tokenizer, chat template, generation settings and, with a vision tower, the image
/// processor's. Weights go through memory a slice, or an expert, at a time.
/// </summary>
/// <remarks>
/// The experts of a model with a vision tower are in the layout of the published Qwen3-VL; those of a text-only one, for which there is no published fused layout,
/// as transformers 5 keeps them in memory, [experts, out, in].
/// </remarks>
public static class GgufImporter
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Writes the folder, which must not hold anything yet. It appears under its name when it is whole and this software can open it.</summary>
    /// <exception cref="MedixException">The folder is not empty, the disk has not enough room, or a weight is not finite or too large for the type.</exception>
    public static void Import(
        GgufModel model, string folder, ImportOptions options, Action<CreationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        TokenizerDefinition tokenizer = GgufTokenizerReader.Read(model.Text.Metadata);
        GgufImages? images = GgufImages.Of(model);
        NewFolder.Write(folder, partial =>
        {
            new GgufWeightCopy(model, options, progress, cancellationToken).Write(partial);
            string dtype = options.DType switch { "BF16" => "bfloat16", "F16" => "float16", _ => "float32" };
            ModelConfigWriter.Write(Path.Combine(partial, "config.json"), model.Config, dtype);
            TokenizerWriter.Write(tokenizer, partial);
            WriteSettings(model, images, partial);
            Checkpoint.Open(partial).Dispose();
        });
    }

    private static void WriteSettings(GgufModel model, GgufImages? images, string folder)
    {
        if (Generation(model) is { } generation)
        {
            WriteJson(folder, "generation_config.json", generation);
        }

        if (images is not null)
        {
            WriteProcessors(images, folder);
            if (model.ChatTemplate is { } template)
            {
                WriteJson(folder, "chat_template.json", new JsonObject { ["chat_template"] = template });
            }
        }

        ModelSideFiles.WriteMissingSettings(folder, model.Config);
    }

    /// <summary>The sampling that the file recommends, or null where it recommends none.</summary>
    private static JsonObject? Generation(GgufModel model)
    {
        GgufMetadata metadata = model.Text.Metadata;
        const string topK = "general.sampling.top_k", topP = "general.sampling.top_p", temperature = "general.sampling.temp";
        if (model.Config.EosTokenIds.Count == 0 || !((string[])[topK, topP, temperature]).Any(metadata.Has))
        {
            return null;
        }

        int Token(string key) => metadata.Has(key) ? metadata.Number(key, 0, model.Config.Text.VocabularySize - 1) : model.Config.EosTokenIds[^1];
        JsonObject settings = new()
        {
            ["bos_token_id"] = Token(GgufTokenizerReader.Begin),
            ["do_sample"] = true,
            ["eos_token_id"] = new JsonArray([.. model.Config.EosTokenIds.Select(id => JsonValue.Create(id))]),
            ["pad_token_id"] = Token(GgufTokenizerReader.Padding),
        };
        if (metadata.Has(temperature))
        {
            settings["temperature"] = metadata.Positive(temperature);
        }

        if (metadata.Has(topK))
        {
            settings["top_k"] = metadata.Number(topK, 0);
        }

        if (metadata.Has(topP))
        {
            settings["top_p"] = metadata.Positive(topP);
        }

        return settings;
    }

    /// <summary>Limits are for pictures; those of videos, which are counted over all frames, are the published models'.</summary>
    private static void WriteProcessors(GgufImages images, string folder)
    {
        const string video = "video_preprocessor_config.json";
        ImageProcessorOptions options = images.Options;
        string videoBeside = Path.Combine(Path.GetDirectoryName(images.Source)!, video);
        bool beside = images.Limits == GgufImageLimits.FileBeside;
        Put(folder, GgufImages.FileName, beside ? images.Source : null, options, options.MaxPixels, options.MinPixels, "image_processor_type", "Qwen2VLImageProcessorFast");
        Put(folder, video, beside && File.Exists(videoBeside) ? videoBeside : null, options, 25_165_824, 4_096, "video_processor_type", "Qwen3VLVideoProcessor");
    }

    /// <summary>A file that is there is taken as it is.</summary>
    private static void Put(string folder, string name, string? there, ImageProcessorOptions options, long longest, long shortest, string kind, string type)
    {
        if (there is not null)
        {
            AtomicFile.WriteAllBytes(Path.Combine(folder, name), File.ReadAllBytes(there));
            return;
        }

        WriteJson(folder, name, new()
        {
            ["size"] = new JsonObject { ["longest_edge"] = longest, ["shortest_edge"] = shortest },
            ["patch_size"] = options.PatchSize,
            ["temporal_patch_size"] = options.TemporalPatchSize,
            ["merge_size"] = options.MergeSize,
            ["image_mean"] = new JsonArray([.. options.Mean.Select(value => (JsonNode)value)]),
            ["image_std"] = new JsonArray([.. options.Std.Select(value => (JsonNode)value)]),
            ["processor_class"] = "Qwen3VLProcessor",
            [kind] = type,
        });
    }

    private static void WriteJson(string folder, string name, JsonObject content) =>
        AtomicFile.WriteAllText(Path.Combine(folder, name), content.ToJsonString(Indented) + "\n");
}
