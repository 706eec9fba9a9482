using Medix.Runs;

namespace Medix.Weights.Gguf.Export;

/// <summary>All metadata of a file, in the order of llama.cpp's own tools.</summary>
internal static class ModelMetadata
{
    private const int QuantizationVersion = 2;
    private const string FileType = "general.file_type";
    private const string Quantization = "general.quantization_version";

    /// <summary>The language model's.</summary>
    public static IReadOnlyList<KeyValuePair<string, GgufValue>> Text(Checkpoint model, GgufExportType type, IReadOnlyList<PlannedTensor> tensors)
    {
        TextConfig text = model.Config.Text;
        string kind = (model.Config.Vision is null ? "qwen3" : "qwen3vl") + (text.Experts is null ? "" : "moe");
        MetadataList metadata = new();
        GeneralMetadata.Add(metadata, model, kind, "model", tensors);
        metadata.Add($"{kind}.block_count", text.Layers);
        metadata.Add($"{kind}.context_length", text.MaxPositions);
        metadata.Add($"{kind}.embedding_length", text.Hidden);
        metadata.Add($"{kind}.feed_forward_length", text.Intermediate);
        metadata.Add($"{kind}.attention.head_count", text.Heads);
        metadata.Add($"{kind}.attention.head_count_kv", text.KeyValueHeads);
        if (text.MropeSection is { } sections)
        {
            metadata.Add($"{kind}.rope.dimension_sections", GgufValue.Of([.. sections, 0]));
        }

        metadata.Add($"{kind}.rope.freq_base", text.RopeTheta);
        metadata.Add($"{kind}.attention.layer_norm_rms_epsilon", text.RmsNormEpsilon);
        if (text.Experts is { } experts)
        {
            metadata.Add($"{kind}.expert_count", experts);
            metadata.Add($"{kind}.expert_used_count", text.ExpertsPerToken);
        }

        metadata.Add($"{kind}.attention.key_length", text.HeadDim);
        metadata.Add($"{kind}.attention.value_length", text.HeadDim);
        metadata.Add(FileType, type.FileType);
        if (text.Experts is not null)
        {
            metadata.Add($"{kind}.expert_feed_forward_length", text.ExpertIntermediate);
        }

        if (model.Config.Vision is { } vision)
        {
            metadata.Add($"{kind}.n_deepstack_layers", vision.DeepstackIndexes.Count);
        }

        metadata.Add(Quantization, QuantizationVersion);
        TokenizerMetadata.Add(metadata, model.Folder, text.VocabularySize);
        if (type.ByQuantizer)
        {
            metadata.MoveToEnd(Quantization, FileType);
        }

        return metadata.Entries;
    }

    /// <summary>The vision tower's.</summary>
    /// <exception cref="MedixException">The folder lacks the image processor's settings, or they are not of three channels.</exception>
    public static IReadOnlyList<KeyValuePair<string, GgufValue>> Vision(Checkpoint model, VisionConfig vision, GgufExportType type, IReadOnlyList<PlannedTensor> tensors)
    {
        MetadataList metadata = new();
        GeneralMetadata.Add(metadata, model, "clip", "mmproj", tensors);
        metadata.Add(FileType, type.FileType);
        metadata.Add("clip.has_vision_encoder", GgufValue.Of(true));
        metadata.Add("clip.vision.projection_dim", model.Config.Text.Hidden);
        metadata.Add("clip.vision.image_size", (int)(Math.Sqrt(vision.PositionEmbeddings) * vision.PatchSize));
        metadata.Add("clip.vision.patch_size", vision.PatchSize);
        metadata.Add("clip.vision.embedding_length", vision.Hidden);
        metadata.Add("clip.vision.feed_forward_length", vision.Intermediate);
        metadata.Add("clip.vision.block_count", vision.Depth);
        metadata.Add("clip.vision.attention.head_count", vision.Heads);
        foreach (string name in (string[])["image_mean", "image_std"])
        {
            JsonFields processor = Processor(model.Folder, name);
            double[] channels = processor.Doubles(name);
            metadata.Add(
                $"clip.vision.{name}", channels.Length == 3 ? GgufValue.Of(Array.ConvertAll(channels, value => (float)value)) : throw processor.Wrong(name, "three numbers"));
        }

        metadata.Add("clip.projector_type", "qwen3vl_merger");
        metadata.Add("clip.use_gelu", GgufValue.Of(true));
        metadata.Add("clip.vision.spatial_merge_size", vision.SpatialMergeSize);
        // The converter copies the language model's; the tower itself uses 1e-6, which is the same in every published model.
        metadata.Add("clip.vision.attention.layer_norm_epsilon", model.Config.Text.RmsNormEpsilon);
        metadata.Add("clip.vision.is_deepstack_layers", GgufValue.Of([.. Enumerable.Range(0, vision.Depth).Select(block => vision.DeepstackIndexes.Contains(block))]));
        metadata.Add(Quantization, QuantizationVersion);
        return metadata.Entries;
    }

    /// <summary>Where the image processor's settings say this: transformers 5 saves them within the processor's, older versions in a file of their own.</summary>
    private static JsonFields Processor(string folder, string setting)
    {
        string whole = Path.Combine(folder, "processor_config.json");
        JsonFields? processor = File.Exists(whole) ? JsonFields.Load(whole) : null;
        return processor?.OptionalObject("image_processor") is { } images && images.Has(setting) ? images
            : processor?.Has(setting) == true ? processor
            : JsonFields.Load(Path.Combine(folder, "preprocessor_config.json"));
    }
}
