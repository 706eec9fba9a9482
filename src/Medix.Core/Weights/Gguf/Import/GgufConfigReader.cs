using System.Globalization;
using Medix.Runs;

namespace Medix.Weights.Gguf.Import;

/// <summary>
/// Reads a model's shape from GGUF metadata. A setting this software does not implement is an error, never ignored: the model would load and answer wrongly.
/// </summary>
internal static class GgufConfigReader
{
    private const string Architecture = "general.architecture";
    private const string Projector = "clip.projector_type";
    private const string EndOfText = "<|endoftext|>";

    private static readonly string[] Known = ["qwen3", "qwen3moe", "qwen3vl", "qwen3vlmoe"];

    /// <summary>Reads and validates both files' metadata; <paramref name="vision"/> null gives a text-only model.</summary>
    public static Qwen3VLConfig Read(GgufParts text, GgufParts? vision)
    {
        string kind = text.Metadata.Text(Architecture);
        if (!Known.Contains(kind, StringComparer.Ordinal))
        {
            string hint = kind == "clip" ? " This is a vision tower's file: name the language model's (medix import takes this one with --mmproj)." : " Choose another model.";
            throw new MedixException($"{text.Path}: the architecture is '{kind}', known are {string.Join(", ", Known)}.{hint}");
        }

        bool sees = kind.StartsWith("qwen3vl", StringComparison.Ordinal), mixture = kind.EndsWith("moe", StringComparison.Ordinal);
        if (vision is not null && !sees)
        {
            throw new MedixException($"{text.Path}: {kind} reads text only; the vision tower '{vision.Path}' does not belong to it. Leave --mmproj out.");
        }

        TextConfig decoder = ReadText(text, new Keys(text.Metadata, kind), mixture, vision is not null);
        string architecture = (vision is null, mixture) switch
        {
            (false, false) => ModelConfigReader.Dense,
            (false, true) => ModelConfigReader.Mixture,
            (true, false) => ModelConfigReader.TextOnly,
            (true, true) => ModelConfigReader.TextMixture,
        };
        string[] tokens = Tokens(text.Metadata, decoder.VocabularySize);
        int Id(string token) => vision is null ? -1 : Array.IndexOf(tokens, token) is >= 0 and var id
            ? id
            : throw new MedixException($"{text.Path}: the vocabulary has no token '{token}', which a model with a vision tower needs. Leave --mmproj out, or use another file.");
        return new(
            architecture, decoder, vision is null ? null : ReadVision(vision, decoder, new Keys(text.Metadata, kind)),
            Id("<|image_pad|>"), Id("<|video_pad|>"), Id("<|vision_start|>"), Id("<|vision_end|>"), StopTokens(text.Metadata, tokens));
    }

    private static TextConfig ReadText(GgufParts parts, Keys keys, bool mixture, bool sees)
    {
        RequireSupported(keys);
        int hidden = keys.Number("embedding_length"), heads = keys.Number("attention.head_count"), keyValueHeads = keys.Number("attention.head_count_kv");
        int width = keys.Has("attention.key_length") ? keys.Number("attention.key_length") : hidden / heads;
        if (width < 2 || width % 2 != 0)
        {
            throw keys.Wrong(keys.Has("attention.key_length") ? "attention.key_length" : "attention.head_count", "an even width of a head, for rotary pairs");
        }

        foreach (string same in (string[])["attention.value_length", "rope.dimension_count"])
        {
            if (keys.Has(same) && keys.Number(same) != width)
            {
                throw keys.Wrong(same, $"the width of a head, {width}");
            }
        }

        if (heads % keyValueHeads != 0)
        {
            throw keys.Wrong("attention.head_count_kv", $"a divisor of the {heads} query heads");
        }

        TextConfig dense = new(
            Side(parts, GgufTensorNames.TokenEmbedding, 2, 0), hidden, keys.Number("block_count"), heads, keyValueHeads, width, keys.Number("feed_forward_length"),
            keys.Positive("attention.layer_norm_rms_epsilon"), keys.Positive("rope.freq_base"), sees ? Sections(keys, width) : null, keys.Number("context_length"),
            TieWordEmbeddings: !parts.Contains(GgufTensorNames.Head));
        int experts = mixture ? keys.Number("expert_count") : 0;
        return !mixture ? dense : dense with
        {
            Experts = experts,
            ExpertsPerToken = keys.Number("expert_used_count", 1, experts),
            ExpertIntermediate = keys.Number("expert_feed_forward_length"),
            DenseLayers = [],
        };
    }

    private static void RequireSupported(Keys keys)
    {
        if (keys.Has("rope.scaling.type") && keys.Text("rope.scaling.type") != "none")
        {
            throw keys.Wrong("rope.scaling.type", "\"none\", the only position scaling implemented");
        }

        foreach (string absent in (string[])["attention.sliding_window", "expert_shared_count"])
        {
            if (keys.Has(absent) && keys.Number(absent, 0) != 0)
            {
                throw keys.Wrong(absent, "0 or nothing, the only setting implemented");
            }
        }

        if (!keys.Flag("expert_weights_norm"))
        {
            throw keys.Wrong("expert_weights_norm", "true, the only routing implemented");
        }
    }

    /// <summary>Rotary pairs of time, height and width; a fourth number is another model's.</summary>
    private static int[] Sections(Keys keys, int width)
    {
        int[] sections = keys.Ints("rope.dimension_sections");
        return sections.Length is 3 or 4 && sections.All(pairs => pairs >= 0) && sections.Skip(3).All(pairs => pairs == 0) && sections.Sum(pairs => (long)pairs) == width / 2
            ? sections[..3]
            : throw keys.Wrong("rope.dimension_sections", $"three numbers that sum to half a head's width, {width / 2}, and 0");
    }

    private static VisionConfig ReadVision(GgufParts parts, TextConfig decoder, Keys text)
    {
        GgufMetadata metadata = parts.Metadata;
        Keys keys = new(metadata, "clip.vision");
        if (metadata.Text(Architecture) != "clip")
        {
            throw metadata.Wrong(Architecture, "\"clip\", as a vision tower's file has it");
        }

        if (metadata.Text(Projector) != "qwen3vl_merger")
        {
            throw metadata.Wrong(Projector, "\"qwen3vl_merger\", the projector of Qwen3-VL");
        }

        if (!metadata.Flag("clip.use_gelu", true))
        {
            throw metadata.Wrong("clip.use_gelu", "true, the only vision activation implemented");
        }

        VisionConfig config = new(
            keys.Number("block_count"), keys.Number("embedding_length"), keys.Number("attention.head_count"), keys.Number("feed_forward_length"),
            keys.Number("projection_dim"), keys.Number("patch_size"), 2, keys.Has("spatial_merge_size") ? keys.Number("spatial_merge_size") : 2,
            Side(parts, "v.patch_embd.weight", 4, 1), Side(parts, "v.position_embd.weight", 2, 0), Deepstack(keys));
        Check(config, decoder, keys, text);
        return config;
    }

    private static int[] Deepstack(Keys keys)
    {
        const string name = "is_deepstack_layers";
        bool[] marks = keys.Flags(name);
        return marks.Length == keys.Number("block_count")
            ? [.. marks.Index().Where(mark => mark.Item).Select(mark => mark.Index)]
            : throw keys.Wrong(name, $"one for each of the {keys.Number("block_count")} blocks");
    }

    private static void Check(VisionConfig config, TextConfig decoder, Keys keys, Keys text)
    {
        if (config.Hidden % (config.Heads * 4L) != 0)
        {
            throw keys.Wrong("attention.head_count", $"a number of heads whose width is a multiple of 4, for rotary pairs of two axes, in {config.Hidden} channels");
        }

        if (config.OutHidden != decoder.Hidden)
        {
            throw keys.Wrong("projection_dim", $"the language model's width, {decoder.Hidden}: both files must be of one model");
        }

        int side = (int)Math.Sqrt(config.PositionEmbeddings), levels = config.DeepstackIndexes.Count;
        if (side * side != config.PositionEmbeddings)
        {
            throw new MedixException($"{keys.File}: 'v.position_embd.weight' has {config.PositionEmbeddings} rows, expected a square number. Fetch or convert the file again.");
        }

        string? taken = levels > decoder.Layers ? $"at most {decoder.Layers}, one a layer"
            : text.Has("n_deepstack_layers") && text.Number("n_deepstack_layers", 0) is var stated && stated != levels ? stated.ToString(CultureInfo.InvariantCulture)
            : null;
        if (taken is not null)
        {
            throw new MedixException(
                $"{keys.File}: {levels} blocks are marked by 'clip.vision.is_deepstack_layers', but the language model takes {taken}. Use the two files of one model.");
        }
    }

    private static string[] Tokens(GgufMetadata metadata, int rows)
    {
        string[] tokens = metadata.Texts(GgufTokenizerReader.Tokens);
        return tokens.Length <= rows ? tokens : throw metadata.Wrong(GgufTokenizerReader.Tokens, $"at most one for each of the {rows} rows of {GgufTensorNames.TokenEmbedding}");
    }

    /// <summary>The file names one token or two; published models and llama.cpp itself stop at the end of a text too.</summary>
    private static int[] StopTokens(GgufMetadata metadata, string[] tokens)
    {
        IEnumerable<string> keys = ((string[])[GgufTokenizerReader.EndOfTurn, "tokenizer.ggml.eot_token_id"]).Where(metadata.Has);
        IEnumerable<int> named = keys.Select(key => metadata.Number(key, 0, tokens.Length - 1));
        return [.. named.Append(Array.IndexOf(tokens, EndOfText)).Where(id => id >= 0).Distinct()];
    }

    private static int Side(GgufParts parts, string name, int rank, int axis)
    {
        long[] shape = parts.Tensor(name).Shape;
        return shape.Length == rank && shape[axis] is > 0 and <= int.MaxValue
            ? (int)shape[axis]
            : throw new MedixException($"{parts.Path}: tensor '{name}' has shape {TensorInfo.ShapeToText(shape)}, expected {rank} dimensions. Fetch or convert the file again.");
    }

    /// <summary>The keys of one architecture.</summary>
    private sealed class Keys(GgufMetadata metadata, string prefix)
    {
        public string File => metadata.File;

        public bool Has(string name) => metadata.Has($"{prefix}.{name}");

        public int Number(string name, int least = 1, int most = int.MaxValue) => metadata.Number($"{prefix}.{name}", least, most);

        public double Positive(string name) => metadata.Positive($"{prefix}.{name}");

        public string Text(string name) => metadata.Text($"{prefix}.{name}");

        public bool Flag(string name) => metadata.Flag($"{prefix}.{name}", absent: true);

        public int[] Ints(string name) => metadata.Ints($"{prefix}.{name}");

        public bool[] Flags(string name) => metadata.Flags($"{prefix}.{name}");

        public MedixException Wrong(string name, string expected) => metadata.Wrong($"{prefix}.{name}", expected);
    }
}
