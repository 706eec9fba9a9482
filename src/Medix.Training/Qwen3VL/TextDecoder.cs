using Medix.Training.Modules;
using Medix.Training.Native;
using Medix.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Qwen3VL;

/// <summary>
/// What the decoder works on: the tokens of all sequences in one row each, without padding. <paramref name="ImageRows"/> are the rows of image
/// placeholders, in the order of the features.
/// </summary>
internal sealed record DecoderInput(int[] Tokens, RotaryTables Angles, AttentionLayout Layout, int[] ImageRows, VisionFeatures? Vision);

/// <summary>The Qwen3 decoder with DeepStack: [tokens, hidden] through all layers; the final norm and the head are separate, for chosen rows.</summary>
internal sealed class TextDecoder(
    TextConfig config, ParameterStore parameters, Operations operations, Projections projections, MixtureOfExperts experts)
{
    private const string Prefix = ModelTensors.TextPrefix;

    private readonly AttentionShape shape = new(config.Heads, config.KeyValueHeads, config.HeadDim);

    /// <summary>The factors of the logits of normed rows: the head's weight is its own, or the token embedding where tied.</summary>
    public HeadOperands Head(Tensor normed) => projections.Head(normed, config.TieWordEmbeddings ? $"{Prefix}embed_tokens.weight" : ModelTensors.Head);

    /// <summary>The last layer's output, before the final norm.</summary>
    public Tensor Forward(DecoderInput input, Observer? observe)
    {
        Tensor hidden = operations.Gather(parameters[$"{Prefix}embed_tokens.weight"], RowMix.Lookup(input.Tokens));
        using Tensor imageRows = tensor(Array.ConvertAll(input.ImageRows, row => (long)row), device: hidden.device);
        if (input.Vision is not null)
        {
            hidden = hidden.index_copy(0, imageRows, input.Vision.Merged);
        }

        observe?.Invoke("text.embedded", hidden);
        for (int i = 0; i < config.Layers; i++)
        {
            int layer = i;
            hidden = operations.Recomputed(hidden, input.Angles.Both, (x, angles) => Layer(x, layer, input with { Angles = RotaryTables.Of(angles) }, observe));
            observe?.Invoke($"text.layer.{i}.before_deepstack", hidden);
            if (input.Vision is not null && i < input.Vision.DeepStack.Count)
            {
                hidden = hidden.index_add(0, imageRows, input.Vision.DeepStack[i], LastingScalars.One);
            }

            observe?.Invoke($"text.layer.{i}", hidden);
        }

        return hidden;
    }

    /// <summary>The final norm.</summary>
    public Tensor Norm(Tensor hidden) => Norm(hidden, $"{Prefix}norm.weight");

    private Tensor Layer(Tensor x, int layer, DecoderInput input, Observer? observe)
    {
        // What autograd keeps it holds by itself; everything else goes with the layer.
        using DisposeScope scope = NewDisposeScope();
        return LayerOf(x, layer, input, observe).MoveToOuterDisposeScope();
    }

    private Tensor LayerOf(Tensor x, int layer, DecoderInput input, Observer? observe)
    {
        string name = $"{Prefix}layers.{layer}.";
        Tensor attended = Attention(Norm(x, $"{name}input_layernorm.weight"), $"{name}self_attn.", input);
        Tensor middle = projections.Add(x, attended, $"{name}self_attn.o_proj.weight");
        Tensor normed = Norm(middle, $"{name}post_attention_layernorm.weight");
        if (ModelTensors.IsSparse(config, layer))
        {
            return experts.Add(middle, normed, $"{name}mlp.", observe is null ? null : (what, value) => observe($"text.layer.{layer}.{what}", value));
        }

        IReadOnlyList<Tensor> inner = projections.Of(normed, $"{name}mlp.gate_proj.weight", $"{name}mlp.up_proj.weight");
        return projections.Add(middle, operations.SwiGlu(inner[0], inner[1]), $"{name}mlp.down_proj.weight");
    }

    private Tensor Attention(Tensor x, string name, DecoderInput input)
    {
        IReadOnlyList<Tensor> qkv = projections.Of(x, $"{name}q_proj.weight", $"{name}k_proj.weight", $"{name}v_proj.weight");
        Tensor query = NormRope(qkv[0], $"{name}q_norm.weight", input.Angles), key = NormRope(qkv[1], $"{name}k_norm.weight", input.Angles);
        return operations.Attention(query, key, qkv[2], input.Layout, shape);
    }

    private Tensor NormRope(Tensor x, string name, RotaryTables angles) =>
        operations.HeadNormRope(x, parameters[name], angles.Cos, angles.Sin, config.RmsNormEpsilon);

    private Tensor Norm(Tensor x, string name) => operations.RmsNorm(x, parameters[name], config.RmsNormEpsilon);
}
