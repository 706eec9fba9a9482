using Medix.Training.Modules;
using Medix.Training.Native;
using Medix.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Qwen3VL;

/// <summary>
/// A sparse MLP: a router in single precision chooses the top experts of each token, whose outputs are added with the router's probabilities as weights
/// (arXiv 2505.09388). Tokens are sorted by expert, so that each expert is one matrix product.
/// </summary>
internal sealed class MixtureOfExperts(TextConfig config, ParameterStore parameters, Operations operations, AdapterTerms adapters)
{
    /// <summary>residual + the experts' sum for normed rows x [tokens, hidden]; <paramref name="name"/> is the MLP's prefix.</summary>
    public Tensor Add(Tensor residual, Tensor x, string name, Action<string, Tensor>? observe)
    {
        Tensor logits = operations.Linear(x.to_type(ScalarType.Float32), parameters[$"{name}gate.weight"]);
        (Tensor chosen, Tensor experts) = nn.functional.softmax(logits, dim: -1).topk(config.ExpertsPerToken, dim: -1);
        Tensor weights = chosen / chosen.sum(-1, keepdim: true);
        observe?.Invoke("router.logits", logits);
        observe?.Invoke("router.weights", weights);
        observe?.Invoke("router.experts", experts);

        using Tensor here = experts.cpu();
        ExpertRoute route = ExpertRoute.Of(here.data<long>().ToArray(), config.ExpertsPerToken, config.Experts ?? 0);
        Tensor rows = operations.Gather(x, RowMix.Lookup(route.Tokens));
        Tensor[] inner = Grouped(rows, $"{name}experts.gate_up_proj", route.Offsets).chunk(2, dim: 1);
        Tensor down = Grouped(operations.SwiGlu(inner[0].contiguous(), inner[1].contiguous()), $"{name}experts.down_proj", route.Offsets);
        Tensor slots = tensor(Array.ConvertAll(route.Slots, slot => (long)slot), device: x.device);
        Tensor shares = weights.view(-1).index_select(0, slots).unsqueeze(1).to_type(x.dtype);
        Tensor tokens = tensor(Array.ConvertAll(route.Tokens, token => (long)token), device: x.device);
        return residual.index_add(0, tokens, down * shares, LastingScalars.One);
    }

    private Tensor Grouped(Tensor x, string name, int[] offsets)
    {
        Tensor product = operations.GroupedLinear(x, parameters[name], offsets);
        if (adapters[name] is not { } term)
        {
            return product;
        }

        // PEFT's A is [experts, rank, in] and its B [out, rank, experts]; a group's matrices are [in, rank] and [rank, out].
        int experts = term.Target.Experts;
        Tensor a = term.A.view(experts, term.Rank, -1).transpose(1, 2).contiguous(), b = term.B.view(-1, term.Rank, experts).permute(2, 1, 0).contiguous();
        return product.Plus(operations.GroupedLinear(operations.GroupedLinear(x, a, offsets), b, offsets).Times(term.Scale));
    }
}

/// <summary>
/// The (token, expert) pairs of a batch sorted by expert: pair i is of token <paramref name="Tokens"/>[i] and was choice number <paramref name="Slots"/>[i] of all
/// choices in token order; expert e has the pairs [Offsets[e], Offsets[e + 1]).
/// </summary>
internal sealed record ExpertRoute(int[] Tokens, int[] Slots, int[] Offsets)
{
    /// <summary>Sorts the choices [tokens · perToken] by expert, in token order within one.</summary>
    public static ExpertRoute Of(long[] choices, int perToken, int experts)
    {
        int[] offsets = new int[experts + 1];
        foreach (long expert in choices)
        {
            offsets[expert + 1]++;
        }

        for (int e = 0; e < experts; e++)
        {
            offsets[e + 1] += offsets[e];
        }

        int[] next = offsets[..experts], tokens = new int[choices.Length], slots = new int[choices.Length];
        for (int slot = 0; slot < choices.Length; slot++)
        {
            int place = next[choices[slot]]++;
            tokens[place] = slot / perToken;
            slots[place] = slot;
        }

        return new(tokens, slots, offsets);
    }
}
