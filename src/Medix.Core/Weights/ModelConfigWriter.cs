using System.Text.Json;

namespace Medix.Weights;

/// <summary>Writes <c>config.json</c> in the spelling of the published files, which every reader of these models accepts.</summary>
public static class ModelConfigWriter
{
    /// <summary>
    /// Writes the configuration; <paramref name="dtype"/> names the weights' type (<c>float32</c>, <c>bfloat16</c>).
    /// The file appears under its name only when it is whole.
    /// </summary>
    public static void Write(string path, Qwen3VLConfig config, string dtype)
    {
        string partial = path + ".partial";
        using (FileStream stream = File.Create(partial))
        using (Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true }))
        {
            WriteRoot(json, config, dtype);
        }

        File.Move(partial, path, overwrite: true);
    }

    /// <summary>Writes the configuration as one JSON object of a larger text.</summary>
    public static void Write(Utf8JsonWriter json, Qwen3VLConfig config, string dtype)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(config);
        WriteRoot(json, config, dtype);
    }

    private static void WriteRoot(Utf8JsonWriter json, Qwen3VLConfig config, string dtype)
    {
        bool mixture = config.Text.Experts is not null;
        string type = (config.Vision is null ? "qwen3" : "qwen3_vl") + (mixture ? "_moe" : "");
        json.WriteStartObject();
        WriteNumbers(json, "architectures", [config.Architecture]);
        json.WriteString("model_type", type);
        json.WriteString("dtype", dtype);
        json.WriteBoolean("tie_word_embeddings", config.Text.TieWordEmbeddings);
        if (config.Vision is null)
        {
            WriteText(json, config);
        }
        else
        {
            json.WriteNumber("image_token_id", config.ImageTokenId);
            json.WriteNumber("video_token_id", config.VideoTokenId);
            json.WriteNumber("vision_start_token_id", config.VisionStartTokenId);
            json.WriteNumber("vision_end_token_id", config.VisionEndTokenId);
            json.WriteStartObject("text_config");
            json.WriteString("model_type", type + "_text");
            json.WriteString("dtype", dtype);
            json.WriteBoolean("tie_word_embeddings", config.Text.TieWordEmbeddings);
            WriteText(json, config);
            json.WriteEndObject();
            WriteVision(json, config.Vision, type);
        }

        json.WriteEndObject();
    }

    private static void WriteText(Utf8JsonWriter json, Qwen3VLConfig config)
    {
        TextConfig text = config.Text;
        json.WriteBoolean("attention_bias", false);
        WriteStopTokens(json, config.EosTokenIds);
        json.WriteNumber("head_dim", text.HeadDim);
        json.WriteString("hidden_act", "silu");
        json.WriteNumber("hidden_size", text.Hidden);
        json.WriteNumber("intermediate_size", text.Intermediate);
        json.WriteNumber("max_position_embeddings", text.MaxPositions);
        json.WriteNumber("num_attention_heads", text.Heads);
        json.WriteNumber("num_hidden_layers", text.Layers);
        json.WriteNumber("num_key_value_heads", text.KeyValueHeads);
        json.WriteNumber("rms_norm_eps", text.RmsNormEpsilon);
        json.WriteNumber("rope_theta", text.RopeTheta);
        WriteRopeScaling(json, text.MropeSection);
        json.WriteNumber("vocab_size", text.VocabularySize);
        if (text.Experts is { } experts)
        {
            json.WriteNumber("decoder_sparse_step", text.DecoderSparseStep);
            WriteNumbers(json, "mlp_only_layers", text.DenseLayers ?? []);
            json.WriteNumber("moe_intermediate_size", text.ExpertIntermediate);
            json.WriteBoolean("norm_topk_prob", true);
            json.WriteNumber("num_experts", experts);
            json.WriteNumber("num_experts_per_tok", text.ExpertsPerToken);
        }
    }

    private static void WriteRopeScaling(Utf8JsonWriter json, IReadOnlyList<int>? section)
    {
        if (section is null)
        {
            json.WriteNull("rope_scaling");
            return;
        }

        json.WriteStartObject("rope_scaling");
        json.WriteBoolean("mrope_interleaved", true);
        WriteNumbers(json, "mrope_section", section);
        json.WriteString("rope_type", "default");
        json.WriteEndObject();
    }

    private static void WriteStopTokens(Utf8JsonWriter json, IReadOnlyList<int> ids)
    {
        if (ids.Count == 1)
        {
            json.WriteNumber("eos_token_id", ids[0]);
        }
        else if (ids.Count > 1)
        {
            WriteNumbers(json, "eos_token_id", ids);
        }
    }

    private static void WriteVision(Utf8JsonWriter json, VisionConfig vision, string type)
    {
        json.WriteStartObject("vision_config");
        WriteNumbers(json, "deepstack_visual_indexes", vision.DeepstackIndexes);
        json.WriteNumber("depth", vision.Depth);
        json.WriteString("hidden_act", "gelu_pytorch_tanh");
        json.WriteNumber("hidden_size", vision.Hidden);
        json.WriteNumber("in_channels", vision.InChannels);
        json.WriteNumber("intermediate_size", vision.Intermediate);
        json.WriteString("model_type", type);
        json.WriteNumber("num_heads", vision.Heads);
        json.WriteNumber("num_position_embeddings", vision.PositionEmbeddings);
        json.WriteNumber("out_hidden_size", vision.OutHidden);
        json.WriteNumber("patch_size", vision.PatchSize);
        json.WriteNumber("spatial_merge_size", vision.SpatialMergeSize);
        json.WriteNumber("temporal_patch_size", vision.TemporalPatchSize);
        json.WriteEndObject();
    }

    private static void WriteNumbers<T>(Utf8JsonWriter json, string name, IEnumerable<T> values)
    {
        json.WritePropertyName(name);
        JsonSerializer.Serialize(json, values);
    }
}
