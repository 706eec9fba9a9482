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
internal sealed class TextDecoder(TextConfig config, ParameterStore parameters, Operations operations)
{
    private const string Prefix = ModelTensors.TextPrefix;

    private readonly AttentionShape shape = new(config.Heads, config.KeyValueHeads, config.HeadDim);

    /// <summary>The head's weight [vocabulary, hidden]: its own, or the token embedding where tied.</summary>
    public Tensor HeadWeight => parameters[config.TieWordEmbeddings ? $"{Prefix}embed_tokens.weight" : ModelTensors.Head];

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
            hidden = Layer(hidden, $"{Prefix}layers.{i}.", input);
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

    private Tensor Layer(Tensor x, string name, DecoderInput input)
    {
        Tensor attended = Attention(Norm(x, $"{name}input_layernorm.weight"), $"{name}self_attn.", input);
        Tensor middle = operations.AddLinear(x, attended, parameters[$"{name}self_attn.o_proj.weight"]);
        IReadOnlyList<Tensor> inner = operations.Linears(
            Norm(middle, $"{name}post_attention_layernorm.weight"), parameters[$"{name}mlp.gate_proj.weight"], parameters[$"{name}mlp.up_proj.weight"]);
        return operations.AddLinear(middle, operations.SwiGlu(inner[0], inner[1]), parameters[$"{name}mlp.down_proj.weight"]);
    }

    private Tensor Attention(Tensor x, string name, DecoderInput input)
    {
        IReadOnlyList<Tensor> qkv = operations.Linears(
            x, parameters[$"{name}q_proj.weight"], parameters[$"{name}k_proj.weight"], parameters[$"{name}v_proj.weight"]);
        Tensor query = NormRope(qkv[0], $"{name}q_norm.weight", input.Angles), key = NormRope(qkv[1], $"{name}k_norm.weight", input.Angles);
        return operations.Attention(query, key, qkv[2], input.Layout, shape);
    }

    private Tensor NormRope(Tensor x, string name, RotaryTables angles) =>
        operations.HeadNormRope(x, parameters[name], angles.Cos, angles.Sin, config.RmsNormEpsilon);

    private Tensor Norm(Tensor x, string name) => operations.RmsNorm(x, parameters[name], config.RmsNormEpsilon);
}
