using System.Text.Json;
using Medix.Runs;

namespace Medix.Weights;

/// <summary>
/// Reads a published model's <c>config.json</c>: Qwen3-VL and text-only Qwen3, dense and mixture of experts, in the spelling of the
/// published files (<c>rope_theta</c>, <c>rope_scaling</c>) and in that of transformers 5 (<c>rope_parameters</c>).
/// A setting this software does not implement is an error, never ignored: the model would load and answer wrongly.
/// </summary>
public static class ModelConfigReader
{
    internal const string Dense = "Qwen3VLForConditionalGeneration";
    internal const string Mixture = "Qwen3VLMoeForConditionalGeneration";
    internal const string TextOnly = "Qwen3ForCausalLM";
    internal const string TextMixture = "Qwen3MoeForCausalLM";

    /// <summary>The architectures that are read, by <c>model_type</c>.</summary>
    internal static readonly Dictionary<string, string> ArchitectureByType = new(StringComparer.Ordinal)
    {
        ["qwen3_vl"] = Dense, ["qwen3_vl_moe"] = Mixture, ["qwen3"] = TextOnly, ["qwen3_moe"] = TextMixture,
    };

    /// <summary>
    /// Reads and validates. Stop tokens come from <c>generation_config.json</c> beside the file when it names them, else from the
    /// configuration itself; they are empty when neither does. Throws <see cref="MedixException"/> naming file and field.
    /// </summary>
    public static Qwen3VLConfig Read(string configJsonPath) => Read(JsonFields.Load(configJsonPath), configJsonPath);

    /// <summary>The same for a configuration inside another file, which messages name; <c>generation_config.json</c> may be beside that file.</summary>
    public static Qwen3VLConfig Read(JsonElement config, string file) => Read(JsonFields.Of(config, file, "config."), file);

    private static Qwen3VLConfig Read(JsonFields root, string configJsonPath)
    {
        string architecture = Architecture(root, configJsonPath);
        bool textOnly = architecture is TextOnly or TextMixture;
        JsonFields text = textOnly ? root : root.Object("text_config");
        TextConfig textConfig = ReadText(text, architecture, tied: root.Bool("tie_word_embeddings", false) || text.Bool("tie_word_embeddings", false));
        VisionConfig? vision = textOnly ? null : ReadVision(root.Object("vision_config"), textConfig);
        int Id(string name) => textOnly ? -1 : root.Int(name, 0, textConfig.VocabularySize - 1);
        return new Qwen3VLConfig(
            architecture, textConfig, vision, Id("image_token_id"), Id("video_token_id"),
            Id("vision_start_token_id"), Id("vision_end_token_id"),
            StopTokens(configJsonPath, root, text));
    }

    private static string Architecture(JsonFields root, string path)
    {
        string[] named = root.Texts("architectures");
        string? type = root.Has("model_type") ? root.Text("model_type") : null;
        string? found = named.FirstOrDefault(ArchitectureByType.ContainsValue);
        if (found is null && named.Length == 0 && type is not null)
        {
            ArchitectureByType.TryGetValue(type, out found);
        }

        string given = named.Length > 0 ? string.Join(", ", named) : type ?? "missing";
        return found ?? throw new MedixException(
            $"{path}: the architecture is '{given}', known are {string.Join(", ", ArchitectureByType.Values)}. "
            + "Choose a model of one of these.");
    }

    private static TextConfig ReadText(JsonFields text, string architecture, bool tied)
    {
        RequireSupported(text);
        JsonFields rope = text.OptionalObject("rope_parameters") ?? text.OptionalObject("rope_scaling") ?? text;
        int headDim = text.Int("head_dim", 2);
        int heads = text.Int("num_attention_heads");
        int keyValueHeads = text.Int("num_key_value_heads");
        if (headDim % 2 != 0)
        {
            throw text.Wrong("head_dim", "an even number, for rotary pairs");
        }

        if (heads % keyValueHeads != 0)
        {
            throw text.Wrong("num_key_value_heads", $"a divisor of the {heads} query heads");
        }

        TextConfig dense = new(
            text.Int("vocab_size"), text.Int("hidden_size"), text.Int("num_hidden_layers"), heads, keyValueHeads, headDim, text.Int("intermediate_size"),
            text.Positive("rms_norm_eps"), (rope.Has("rope_theta") ? rope : text).Positive("rope_theta"),
            architecture is TextOnly or TextMixture ? null : MropeSection(rope, headDim), text.Int("max_position_embeddings"), tied);
        return architecture is Mixture or TextMixture ? WithExperts(dense, text) : dense;
    }

    private static TextConfig WithExperts(TextConfig dense, JsonFields text)
    {
        if (!text.Bool("norm_topk_prob", true))
        {
            throw text.Wrong("norm_topk_prob", "true, the only routing implemented");
        }

        int experts = text.Int(text.Has("num_experts") ? "num_experts" : "num_local_experts");
        return dense with
        {
            Experts = experts,
            ExpertsPerToken = text.Int("num_experts_per_tok", 1, experts),
            ExpertIntermediate = text.Int("moe_intermediate_size"),
            DenseLayers = text.Has("mlp_only_layers") ? text.Ints("mlp_only_layers") : [],
            DecoderSparseStep = text.Has("decoder_sparse_step") ? text.Int("decoder_sparse_step") : 1,
        };
    }

    private static void RequireSupported(JsonFields text)
    {
        if (text.Has("hidden_act") && text.Text("hidden_act") != "silu")
        {
            throw text.Wrong("hidden_act", "\"silu\", the only decoder activation implemented");
        }

        foreach (string unsupported in (string[])["attention_bias", "use_sliding_window"])
        {
            if (text.Bool(unsupported, false))
            {
                throw text.Wrong(unsupported, "false, the only setting implemented");
            }
        }

        foreach (string name in (string[])["rope_parameters", "rope_scaling"])
        {
            foreach (string key in (string[])["rope_type", "type"])
            {
                // "mrope" is how Qwen2-VL era tools spell the default kind.
                if (text.OptionalObject(name) is { } rope && rope.Has(key) && rope.Text(key) is not ("default" or "mrope"))
                {
                    throw rope.Wrong(key, "\"default\", the only position scaling implemented");
                }
            }
        }
    }

    private static int[] MropeSection(JsonFields rope, int headDim)
    {
        int[] section = rope.Ints("mrope_section");
        if (section.Length != 3 || section.Sum(n => (long)n) != headDim / 2)
        {
            throw rope.Wrong("mrope_section", $"three numbers that sum to head_dim/2 = {headDim / 2}");
        }

        return rope.Bool("mrope_interleaved", true) ? section : throw rope.Wrong("mrope_interleaved", "true, the layout of Qwen3-VL");
    }

    private static VisionConfig ReadVision(JsonFields vision, TextConfig text)
    {
        if (vision.Has("hidden_act") && vision.Text("hidden_act") != "gelu_pytorch_tanh")
        {
            throw vision.Wrong("hidden_act", "\"gelu_pytorch_tanh\", the only vision activation implemented");
        }

        VisionConfig config = new(
            vision.Int("depth"), vision.Int("hidden_size"), vision.Int("num_heads"), vision.Int("intermediate_size"), vision.Int("out_hidden_size"),
            vision.Int("patch_size"), vision.Int("temporal_patch_size"), vision.Int("spatial_merge_size"), vision.Int("in_channels"),
            vision.Int("num_position_embeddings"), vision.Ints("deepstack_visual_indexes"));
        if (config.Hidden % (config.Heads * 4L) != 0)
        {
            throw vision.Wrong("num_heads", $"a number of heads whose width is a multiple of 4, for rotary pairs of two axes, in {config.Hidden} channels");
        }

        if (config.OutHidden != text.Hidden)
        {
            throw vision.Wrong("out_hidden_size", $"the text hidden_size {text.Hidden}");
        }

        int side = (int)Math.Sqrt(config.PositionEmbeddings);
        if (side * side != config.PositionEmbeddings)
        {
            throw vision.Wrong("num_position_embeddings", "a square number");
        }

        if (config.DeepstackIndexes.Any(index => index >= config.Depth) || config.DeepstackIndexes.Count > text.Layers
            || config.DeepstackIndexes.Distinct().Count() != config.DeepstackIndexes.Count)
        {
            throw vision.Wrong("deepstack_visual_indexes", $"distinct block numbers below {config.Depth}, at most {text.Layers} of them");
        }

        return config;
    }

    private static int[] StopTokens(string configPath, JsonFields root, JsonFields text)
    {
        string generation = Path.Combine(Path.GetDirectoryName(configPath) ?? "", "generation_config.json");
        if (File.Exists(generation) && JsonFields.Load(generation) is { } settings && settings.Has("eos_token_id"))
        {
            return settings.Ints("eos_token_id");
        }

        return text.Has("eos_token_id") ? text.Ints("eos_token_id") : root.Has("eos_token_id") ? root.Ints("eos_token_id") : [];
    }
}
