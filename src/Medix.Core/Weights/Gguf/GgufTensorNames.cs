using System.Collections.Frozen;
using System.Globalization;

namespace Medix.Weights.Gguf;

/// <summary>
/// The names that Qwen3 and Qwen3-VL tensors have in GGUF files, beside the canonical ones of <see cref="ModelTensors"/>: the language model's in the model's own
/// file, the vision tower's in its mmproj file. Tensors stand there as here, row-major and unpermuted, but for two kinds that are in pieces (<see cref="Of"/>).
/// </summary>
public static class GgufTensorNames
{
    /// <summary>The token embedding, which is the head too where there is no <see cref="Head"/>.</summary>
    public const string TokenEmbedding = "token_embd.weight";

    /// <summary>The output head.</summary>
    public const string Head = "output.weight";

    private static readonly Names Root = new(
    [
        new(ModelTensors.TextPrefix + "embed_tokens.weight", TokenEmbedding),
        new(ModelTensors.TextPrefix + "norm.weight", "output_norm.weight"),
        new(ModelTensors.Head, Head),
        new(ModelTensors.VisionPrefix + "patch_embed.proj.weight", "v.patch_embd.weight", "v.patch_embd.weight.1"),
        new(ModelTensors.VisionPrefix + "patch_embed.proj.bias", "v.patch_embd.bias"),
        new(ModelTensors.VisionPrefix + "pos_embed.weight", "v.position_embd.weight"),
        .. Affine(ModelTensors.VisionPrefix + "merger.norm", "v.post_ln"),
        .. Affine(ModelTensors.VisionPrefix + "merger.linear_fc1", "mm.0"),
        .. Affine(ModelTensors.VisionPrefix + "merger.linear_fc2", "mm.2"),
    ]);

    private static readonly Family Layers = new(ModelTensors.TextPrefix + "layers.", "blk.", new(
    [
        new("input_layernorm.weight", "attn_norm.weight"),
        new("self_attn.q_proj.weight", "attn_q.weight"),
        new("self_attn.k_proj.weight", "attn_k.weight"),
        new("self_attn.v_proj.weight", "attn_v.weight"),
        new("self_attn.q_norm.weight", "attn_q_norm.weight"),
        new("self_attn.k_norm.weight", "attn_k_norm.weight"),
        new("self_attn.o_proj.weight", "attn_output.weight"),
        new("post_attention_layernorm.weight", "ffn_norm.weight"),
        new("mlp.gate_proj.weight", "ffn_gate.weight"),
        new("mlp.up_proj.weight", "ffn_up.weight"),
        new("mlp.down_proj.weight", "ffn_down.weight"),
        new("mlp.gate.weight", "ffn_gate_inp.weight"),
        new("mlp.experts.gate_up_proj", "ffn_gate_exps.weight", "ffn_up_exps.weight"),
        new("mlp.experts.down_proj", "ffn_down_exps.weight"),
    ]));

    private static readonly Family Blocks = new(ModelTensors.VisionPrefix + "blocks.", "v.blk.", new(
    [
        .. Affine("norm1", "ln1"),
        .. Affine("norm2", "ln2"),
        .. Affine("attn.qkv", "attn_qkv"),
        .. Affine("attn.proj", "attn_out"),
        .. Affine("mlp.linear_fc1", "ffn_up"),
        .. Affine("mlp.linear_fc2", "ffn_down"),
    ]));

    private static readonly Family Deepstack = new(ModelTensors.VisionPrefix + "deepstack_merger_list.", "v.deepstack.", new(
    [
        .. Affine("norm", "norm"),
        .. Affine("linear_fc1", "fc1"),
        .. Affine("linear_fc2", "fc2"),
    ]));

    private static readonly Family[] Families = [Layers, Blocks, Deepstack];

    /// <summary>Whether a tensor of this canonical name belongs into the mmproj file.</summary>
    public static bool IsVision(string canonical)
    {
        ArgumentNullException.ThrowIfNull(canonical);
        return canonical.StartsWith(ModelTensors.VisionPrefix, StringComparison.Ordinal);
    }

    /// <summary>
    /// The GGUF names of a canonical tensor; none where GGUF has no such tensor. Usually one, of the same shape. The patch embedding [D, C, 2, P, P] is two,
    /// [D, C, P, P] of either frame. The experts' <c>gate_up_proj</c> is two, gate and up, each [experts, inner, hidden], and <c>down_proj</c> is
    /// [experts, hidden, inner]: the halves of <see cref="ExpectedTensor.OtherShape"/>, turned round against the published layout.
    /// </summary>
    /// <param name="canonical">The name.</param>
    /// <param name="deepstack">The vision blocks with a DeepStack merger (<see cref="VisionConfig.DeepstackIndexes"/>): GGUF numbers the mergers by block.</param>
    public static IReadOnlyList<string> Of(string canonical, IReadOnlyList<int> deepstack)
    {
        ArgumentNullException.ThrowIfNull(deepstack);
        if (Root.ToGguf.TryGetValue(canonical, out string[]? names))
        {
            return names;
        }

        foreach (Family family in Families)
        {
            if (Split(canonical, family.Canonical) is not { } found || !family.Leaves.ToGguf.TryGetValue(found.Leaf, out string[]? leaves))
            {
                continue;
            }

            int number = family != Deepstack ? found.Number : found.Number < deepstack.Count ? deepstack[found.Number] : -1;
            return number < 0 ? [] : [.. leaves.Select(leaf => string.Create(CultureInfo.InvariantCulture, $"{family.Gguf}{number}.{leaf}"))];
        }

        return [];
    }

    /// <summary>The canonical name of the tensor that a GGUF tensor is, or is a piece of; null where it is none of these models'.</summary>
    /// <param name="gguf">The name in the file.</param>
    /// <param name="deepstack">See <see cref="Of"/>.</param>
    public static string? Canonical(string gguf, IReadOnlyList<int> deepstack)
    {
        ArgumentNullException.ThrowIfNull(deepstack);
        if (Root.ToCanonical.TryGetValue(gguf, out string? name))
        {
            return name;
        }

        foreach (Family family in Families)
        {
            if (Split(gguf, family.Gguf) is not { } found || !family.Leaves.ToCanonical.TryGetValue(found.Leaf, out string? leaf))
            {
                continue;
            }

            int number = family != Deepstack ? found.Number : IndexOf(deepstack, found.Number);
            return number < 0 ? null : string.Create(CultureInfo.InvariantCulture, $"{family.Canonical}{number}.{leaf}");
        }

        return null;
    }

    /// <summary>The number and the rest of a name that begins so; null for other names and for numbers with leading zeros, which nobody writes.</summary>
    private static (int Number, string Leaf)? Split(string name, string prefix)
    {
        if (!name.StartsWith(prefix, StringComparison.Ordinal) || name.IndexOf('.', prefix.Length) is not (> 0 and var dot))
        {
            return null;
        }

        ReadOnlySpan<char> digits = name.AsSpan(prefix.Length, dot - prefix.Length);
        bool plain = digits.Length > 0 && (digits.Length == 1 || digits[0] != '0');
        return plain && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? (number, name[(dot + 1)..]) : null;
    }

    private static int IndexOf(IReadOnlyList<int> list, int value)
    {
        for (int i = 0; i < list.Count; i++)
        {
            if (list[i] == value)
            {
                return i;
            }
        }

        return -1;
    }

    private static Pair[] Affine(string canonical, string gguf) => [new($"{canonical}.weight", $"{gguf}.weight"), new($"{canonical}.bias", $"{gguf}.bias")];

    private sealed record Pair(string Canonical, params string[] Gguf);

    private sealed record Family(string Canonical, string Gguf, Names Leaves);

    private sealed class Names(Pair[] pairs)
    {
        public FrozenDictionary<string, string[]> ToGguf { get; } = pairs.ToFrozenDictionary(pair => pair.Canonical, pair => pair.Gguf, StringComparer.Ordinal);

        public FrozenDictionary<string, string> ToCanonical { get; } = pairs
            .SelectMany(pair => pair.Gguf.Select(name => KeyValuePair.Create(name, pair.Canonical))).ToFrozenDictionary(StringComparer.Ordinal);
    }
}
