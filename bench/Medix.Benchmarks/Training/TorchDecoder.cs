using Medix.Inference.Generation;
using Medix.Text;
using Medix.Training.Modules;
using Medix.Training.Qwen3VL;
using Medix.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Benchmarks.Training;

/// <summary>
/// Batched sampling in TorchSharp's own operations with a preallocated key-value cache [batch, kv heads, time, head width] for prompts of one length. A step
/// folds the query heads that share a key head into the time axis, so that no key is copied.
/// </summary>
internal sealed class TorchDecoder
{
    private readonly Qwen3VLForTraining model;
    private readonly TextConfig config;
    private readonly IReadOnlyList<GenerationRequest> requests;
    private readonly RopeIndex positions;
    private readonly Tensor[] keys;
    private readonly Tensor[] values;
    private readonly RotaryTables angles;
    private readonly int batch;
    private readonly int prompt;
    private readonly int steps;

    public TorchDecoder(Qwen3VLForTraining model, IReadOnlyList<GenerationRequest> requests, int steps)
    {
        this.model = model;
        this.requests = requests;
        this.steps = steps;
        config = model.Config.Text;
        batch = requests.Count;
        prompt = requests[0].Input.Tokens.Length;
        positions = RopePositions.Compute(requests[0].Input.Tokens, requests[0].Input.Grids, model.Config);
        int[] later = [.. Enumerable.Range(prompt, steps).Select(i => i + positions.Delta)];
        angles = RotaryTables.ForText([.. positions.T, .. later], [.. positions.H, .. later], [.. positions.W, .. later], config, CPU);
        keys = Caches();
        values = Caches();
    }

    /// <summary>Samples every token and returns how many.</summary>
    public long Generate()
    {
        Tensor next = Prefill();
        for (int step = 1; step < steps; step++)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor logits = Step(next.view(batch), prompt + step - 1);
            next = Sample(logits).MoveToOuterDisposeScope();
        }

        return (long)batch * steps;
    }

    private Tensor[] Caches() =>
        [.. Enumerable.Range(0, config.Layers).Select(_ => zeros(batch, config.KeyValueHeads, prompt + steps, config.HeadDim))];

    private Tensor Prefill()
    {
        Tensor ids = tensor(requests.SelectMany(request => request.Input.Tokens).Select(id => (long)id).ToArray());
        Tensor hidden = Parameter("embed_tokens.weight").index_select(0, ids);
        VisionFeatures? features = null;
        Tensor? rows = null;
        if (model.Config.Vision is { } vision)
        {
            Tensor patches = cat([.. requests.Select(request => tensor(request.Input.Patches).view(-1, vision.PatchLength))]);
            Operations plain = new(kernels: false);
            Projections projections = new(model.Store, plain, new AdapterTerms(model.Config, null));
            features = new VisionTower(vision, model.Store, plain, projections).Forward(patches, [.. requests.SelectMany(r => r.Input.Grids)], null);
            rows = ids.eq(model.Config.ImageTokenId).nonzero().squeeze(1);
            hidden = hidden.index_copy(0, rows, features.Merged);
        }

        for (int layer = 0; layer < config.Layers; layer++)
        {
            hidden = Layer(hidden, layer, 0, prompt);
            hidden = features is not null && layer < features.DeepStack.Count ? hidden.index_add(0, rows!, features.DeepStack[layer], 1) : hidden;
        }

        return Sample(Head(hidden.view(batch, prompt, -1).select(1, prompt - 1)));
    }

    private Tensor Step(Tensor ids, int time)
    {
        Tensor hidden = Parameter("embed_tokens.weight").index_select(0, ids);
        for (int layer = 0; layer < config.Layers; layer++)
        {
            hidden = Layer(hidden, layer, time, 1);
        }

        return Head(hidden);
    }

    private Tensor Layer(Tensor x, int layer, int start, int length)
    {
        string name = $"layers.{layer}.";
        Tensor normed = Norm(x, $"{name}input_layernorm.weight");
        Tensor cos = angles.Cos.narrow(0, start, length), sin = angles.Sin.narrow(0, start, length);
        Tensor q = Heads(Rotate(Linear(normed, $"{name}self_attn.q_proj.weight"), $"{name}self_attn.q_norm.weight", cos, sin), length);
        Tensor k = Heads(Rotate(Linear(normed, $"{name}self_attn.k_proj.weight"), $"{name}self_attn.k_norm.weight", cos, sin), length);
        keys[layer].narrow(2, start, length).copy_(k);
        values[layer].narrow(2, start, length).copy_(Heads(Linear(normed, $"{name}self_attn.v_proj.weight"), length));
        Tensor middle = x + Linear(Attend(q, layer, start, length), $"{name}self_attn.o_proj.weight");
        Tensor inner = Norm(middle, $"{name}post_attention_layernorm.weight");
        Tensor gated = nn.functional.silu(Linear(inner, $"{name}mlp.gate_proj.weight")) * Linear(inner, $"{name}mlp.up_proj.weight");
        return middle + Linear(gated, $"{name}mlp.down_proj.weight");
    }

    private Tensor Attend(Tensor q, int layer, int start, int length)
    {
        Tensor k = keys[layer].narrow(2, 0, start + length), v = values[layer].narrow(2, 0, start + length);
        int shared = config.Heads / config.KeyValueHeads;
        if (length == 1)
        {
            return nn.functional.scaled_dot_product_attention(q.view(batch, config.KeyValueHeads, shared, config.HeadDim), k, v).reshape(batch, -1);
        }

        Tensor mixed = nn.functional.scaled_dot_product_attention(q, k.repeat_interleave(shared, 1), v.repeat_interleave(shared, 1), is_casual: true);
        return mixed.transpose(1, 2).reshape(batch * length, -1);
    }

    /// <summary>[batch·length, heads·width] as [batch, heads, length, width].</summary>
    private Tensor Heads(Tensor x, int length) => x.view(batch, length, -1, config.HeadDim).transpose(1, 2);

    private Tensor Rotate(Tensor x, string norm, Tensor cos, Tensor sin)
    {
        Tensor c = cos.shape[0] == 1 ? cos : cos.repeat(batch, 1), s = sin.shape[0] == 1 ? sin : sin.repeat(batch, 1);
        return PlainOperations.HeadNormRope(x, Parameter(norm), c, s, config.RmsNormEpsilon);
    }

    private Tensor Head(Tensor hidden) => nn.functional.linear(Norm(hidden, "norm.weight"), Parameter("embed_tokens.weight"));

    private Tensor Norm(Tensor x, string name) => PlainOperations.RmsNorm(x, Parameter(name), config.RmsNormEpsilon);

    private Tensor Linear(Tensor x, string name) => nn.functional.linear(x, Parameter(name));

    private Tensor Parameter(string name) => model.Store[ModelTensors.TextPrefix + name];

    private static Tensor Sample(Tensor logits) => nn.functional.softmax(logits, -1).multinomial(1);
}
