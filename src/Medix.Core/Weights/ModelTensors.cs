namespace Medix.Weights;

/// <summary>
/// A tensor a model must have. <paramref name="OtherShape"/> is a second accepted layout: expert weights are [experts, in, out] as
/// published and [experts, out, in] as transformers 5 keeps them.
/// </summary>
public sealed record ExpectedTensor(string Name, long[] Shape, long[]? OtherShape = null);

/// <summary>
/// The published names and shapes of every tensor of a configuration (matrices are [out, in]). Text-only Qwen3 uses the same canonical
/// names: its files' <c>model.layers.…</c> is <c>model.language_model.layers.…</c> here.
/// </summary>
public static class ModelTensors
{
    /// <summary>The language model's prefix in canonical names.</summary>
    public const string TextPrefix = "model.language_model.";

    /// <summary>The vision tower's prefix in canonical names.</summary>
    public const string VisionPrefix = "model.visual.";

    /// <summary>The output head; absent where it is tied to the token embedding.</summary>
    public const string Head = "lm_head.weight";

    /// <summary>All tensors of the model, in the order they are used, one at a time: a wrong count of layers costs no memory.</summary>
    public static IEnumerable<ExpectedTensor> Of(Qwen3VLConfig config) =>
        config.Vision is null ? Text(config.Text) : Vision(config.Vision).Concat(Text(config.Text));

    /// <summary>Whether the layer's MLP is a mixture of experts.</summary>
    public static bool IsSparse(TextConfig text, int layer) =>
        text.Experts > 0 && text.DenseLayers?.Contains(layer) != true && (layer + 1) % text.DecoderSparseStep == 0;

    private static IEnumerable<ExpectedTensor> Text(TextConfig text)
    {
        yield return new(TextPrefix + "embed_tokens.weight", [text.VocabularySize, text.Hidden]);
        for (int layer = 0; layer < text.Layers; layer++)
        {
            foreach (ExpectedTensor tensor in TextLayer(text, layer))
            {
                yield return tensor;
            }
        }

        yield return new(TextPrefix + "norm.weight", [text.Hidden]);
        if (!text.TieWordEmbeddings)
        {
            yield return new(Head, [text.VocabularySize, text.Hidden]);
        }
    }

    private static IEnumerable<ExpectedTensor> TextLayer(TextConfig text, int layer)
    {
        string prefix = $"{TextPrefix}layers.{layer}.";
        long query = (long)text.Heads * text.HeadDim;
        long keyValue = (long)text.KeyValueHeads * text.HeadDim;
        yield return new(prefix + "input_layernorm.weight", [text.Hidden]);
        yield return new(prefix + "self_attn.q_proj.weight", [query, text.Hidden]);
        yield return new(prefix + "self_attn.k_proj.weight", [keyValue, text.Hidden]);
        yield return new(prefix + "self_attn.v_proj.weight", [keyValue, text.Hidden]);
        yield return new(prefix + "self_attn.q_norm.weight", [text.HeadDim]);
        yield return new(prefix + "self_attn.k_norm.weight", [text.HeadDim]);
        yield return new(prefix + "self_attn.o_proj.weight", [text.Hidden, query]);
        yield return new(prefix + "post_attention_layernorm.weight", [text.Hidden]);
        foreach (ExpectedTensor tensor in IsSparse(text, layer) ? Experts(text, prefix + "mlp.") : DenseMlp(text, prefix + "mlp."))
        {
            yield return tensor;
        }
    }

    private static IEnumerable<ExpectedTensor> DenseMlp(TextConfig text, string prefix) =>
    [
        new(prefix + "gate_proj.weight", [text.Intermediate, text.Hidden]),
        new(prefix + "up_proj.weight", [text.Intermediate, text.Hidden]),
        new(prefix + "down_proj.weight", [text.Hidden, text.Intermediate]),
    ];

    private static IEnumerable<ExpectedTensor> Experts(TextConfig text, string prefix)
    {
        long experts = text.Experts ?? 0;
        long inner = text.ExpertIntermediate;
        return
        [
            new(prefix + "gate.weight", [experts, text.Hidden]),
            new(prefix + "experts.gate_up_proj", [experts, text.Hidden, 2 * inner], [experts, 2 * inner, text.Hidden]),
            new(prefix + "experts.down_proj", [experts, inner, text.Hidden], [experts, text.Hidden, inner]),
        ];
    }

    private static IEnumerable<ExpectedTensor> Vision(VisionConfig vision)
    {
        long hidden = vision.Hidden;
        long grouped = hidden * vision.SpatialMergeSize * vision.SpatialMergeSize;
        yield return new(
            VisionPrefix + "patch_embed.proj.weight", [hidden, vision.InChannels, vision.TemporalPatchSize, vision.PatchSize, vision.PatchSize]);
        yield return new(VisionPrefix + "patch_embed.proj.bias", [hidden]);
        yield return new(VisionPrefix + "pos_embed.weight", [vision.PositionEmbeddings, hidden]);
        for (int block = 0; block < vision.Depth; block++)
        {
            foreach (ExpectedTensor tensor in VisionBlock(vision, $"{VisionPrefix}blocks.{block}."))
            {
                yield return tensor;
            }
        }

        foreach (ExpectedTensor tensor in Merger(VisionPrefix + "merger.", hidden, grouped, vision.OutHidden))
        {
            yield return tensor;
        }

        for (int k = 0; k < vision.DeepstackIndexes.Count; k++)
        {
            foreach (ExpectedTensor tensor in Merger($"{VisionPrefix}deepstack_merger_list.{k}.", grouped, grouped, vision.OutHidden))
            {
                yield return tensor;
            }
        }
    }

    private static IEnumerable<ExpectedTensor> VisionBlock(VisionConfig vision, string prefix) =>
    [
        .. Affine(prefix + "norm1", vision.Hidden),
        .. Affine(prefix + "attn.qkv", 3L * vision.Hidden, vision.Hidden),
        .. Affine(prefix + "attn.proj", vision.Hidden, vision.Hidden),
        .. Affine(prefix + "norm2", vision.Hidden),
        .. Affine(prefix + "mlp.linear_fc1", vision.Intermediate, vision.Hidden),
        .. Affine(prefix + "mlp.linear_fc2", vision.Hidden, vision.Intermediate),
    ];

    // The main merger normalises before grouping, those of DeepStack after it: hence two norm widths.
    private static IEnumerable<ExpectedTensor> Merger(string prefix, long norm, long grouped, long output) =>
    [
        .. Affine(prefix + "norm", norm),
        .. Affine(prefix + "linear_fc1", grouped, grouped),
        .. Affine(prefix + "linear_fc2", output, grouped),
    ];

    private static ExpectedTensor[] Affine(string name, params long[] shape) => [new(name + ".weight", shape), new(name + ".bias", [shape[0]])];
}
