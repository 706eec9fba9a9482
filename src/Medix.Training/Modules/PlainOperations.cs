using Medix.Training.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Modules;

/// <summary>Log-probability and entropy of chosen tokens, each [R].</summary>
internal readonly record struct TokenStatistics(Tensor LogProbs, Tensor Entropy);

/// <summary>
/// The model's building blocks in torch's own operations: they run in every precision and on every device, and are the reference that the kernels
/// are tested against. Matrices are [tokens, width]; heads lie side by side in the width.
/// </summary>
internal static class PlainOperations
{
    /// <summary>x·Wᵀ in x's precision.</summary>
    public static Tensor Linear(Tensor x, Tensor weight) => nn.functional.linear(x, weight.to_type(x.dtype));

    /// <summary>Rows sorted into groups, each times its own matrix; see <see cref="GroupedLinearFunction"/>.</summary>
    public static Tensor GroupedLinear(Tensor x, Tensor weight, int[] offsets) => cat(
        [.. Enumerable.Range(0, offsets.Length - 1).Select(g => x.narrow(0, offsets[g], offsets[g + 1] - offsets[g]).mm(weight.select(0, g).to_type(x.dtype)))], dim: 0);

    /// <summary>x / sqrt(mean(x²) + eps), in single precision, then times the weight (Zhang and Sennrich 2019).</summary>
    public static Tensor RmsNorm(Tensor x, Tensor weight, double epsilon)
    {
        Tensor wide = x.to_type(ScalarType.Float32);
        Tensor scale = (wide * wide).mean([-1], keepdim: true).Plus(epsilon).rsqrt();
        return (wide * scale).to_type(x.dtype) * weight.to_type(x.dtype);
    }

    /// <summary>RMSNorm over each head, then half-split rotation by the row's angles; cos and sin are [tokens, headDim / 2].</summary>
    public static Tensor HeadNormRope(Tensor x, Tensor weight, Tensor cos, Tensor sin, double epsilon) =>
        Rope(RmsNorm(x.view(x.shape[0], -1, weight.shape[0]), weight, epsilon), cos, sin).view(x.shape);

    /// <summary>Half-split rotation of x [tokens, heads, headDim], in single precision: pair (j, j + headDim/2) turns by angle j of the row.</summary>
    public static Tensor Rope(Tensor x, Tensor cos, Tensor sin)
    {
        Tensor[] halves = x.to_type(ScalarType.Float32).chunk(2, dim: -1);
        Tensor c = cos.unsqueeze(1), s = sin.unsqueeze(1);
        return cat([(halves[0] * c) - (halves[1] * s), (halves[1] * c).Plus(halves[0] * s)], dim: -1).to_type(x.dtype);
    }

    /// <summary>silu(gate) ⊙ up.</summary>
    public static Tensor SwiGlu(Tensor gate, Tensor up) => nn.functional.silu(gate) * up;

    /// <summary>
    /// Softmax attention over a layout; several query heads may share a key head (query head i uses key head i / (heads / keyValueHeads)).
    /// </summary>
    public static Tensor Attention(Tensor query, Tensor key, Tensor value, AttentionLayout layout, AttentionShape shape)
    {
        Tensor q = Heads(query, shape.HeadDim), k = Heads(key, shape.HeadDim), v = Heads(value, shape.HeadDim);
        List<Tensor> outputs = [];
        foreach (AttentionGroup group in layout.Groups)
        {
            outputs.Add(Attend(q, k, v, new(group.Shared.Start, 0), group.Shared, layout.Causal, shape));
            outputs.AddRange(group.Branches.Select(branch => Attend(q, k, v, group.Shared, branch, layout.Causal, shape)));
        }

        return cat(outputs, dim: 0);
    }

    /// <summary>
    /// Log-probability of each row's target and the entropy, of softmax(h·Wᵀ / temperature) without the banned ids.
    /// </summary>
    public static TokenStatistics LogProbs(Tensor hidden, Tensor weight, int[] targets, IReadOnlyList<int> banned, float temperature)
    {
        Tensor logits = Linear(hidden, weight).to_type(ScalarType.Float32).Times(1.0 / temperature);
        if (banned.Count > 0)
        {
            Tensor ids = tensor(banned.Select(id => (long)id).ToArray(), device: logits.device);
            logits = logits.index_fill(1, ids, LastingScalars.NegativeInfinity);
        }

        Tensor logProbs = nn.functional.log_softmax(logits, dim: -1);
        Tensor finite = banned.Count > 0 ? logProbs.masked_fill(logProbs.isneginf(), LastingScalars.Of(0)) : logProbs;
        Tensor entropy = (logProbs.exp() * finite).sum(-1).neg();
        Tensor chosen = tensor(Array.ConvertAll(targets, id => (long)id), device: logits.device).unsqueeze(1);
        return new(logProbs.gather(1, chosen).squeeze(1), entropy);
    }

    /// <summary>Weighted sums of a table's rows.</summary>
    public static Tensor Gather(Tensor table, RowMix mix)
    {
        Tensor rows = table.index_select(0, tensor(Array.ConvertAll(mix.Rows, row => (long)row), device: table.device));
        if (mix.Weights is null)
        {
            return rows;
        }

        Tensor weights = tensor(mix.Weights, [mix.Count, mix.Width, 1], device: table.device).to_type(table.dtype);
        return (rows.view(mix.Count, mix.Width, -1) * weights).sum(1);
    }

    private static Tensor Attend(Tensor q, Tensor k, Tensor v, TokenSpan prefix, TokenSpan own, bool causal, AttentionShape shape)
    {
        Tensor queries = q.narrow(1, own.Start, own.Length);
        Tensor keys = Visible(k, prefix, own, shape), values = Visible(v, prefix, own, shape);
        Tensor scores = queries.bmm(keys.transpose(1, 2)).to_type(ScalarType.Float32).Times(shape.Scale);
        if (causal)
        {
            Tensor future = ones(own.Length, prefix.Length + own.Length, ScalarType.Bool, scores.device).triu(prefix.Length + 1);
            scores = scores.masked_fill(future, LastingScalars.NegativeInfinity);
        }

        Tensor mixed = nn.functional.softmax(scores, dim: -1).to_type(v.dtype).bmm(values);
        return mixed.transpose(0, 1).reshape(own.Length, shape.Heads * shape.HeadDim);
    }

    private static Tensor Visible(Tensor heads, TokenSpan prefix, TokenSpan own, AttentionShape shape)
    {
        Tensor last = heads.narrow(1, own.Start, own.Length);
        Tensor all = prefix.Length == 0 ? last : cat([heads.narrow(1, prefix.Start, prefix.Length), last], dim: 1);
        return shape.QueriesPerKey == 1 ? all : all.repeat_interleave(shape.QueriesPerKey, dim: 0);
    }

    /// <summary>[tokens, heads·d] as [heads, tokens, d].</summary>
    private static Tensor Heads(Tensor x, int headDim) => x.view(x.shape[0], -1, headDim).transpose(0, 1);
}
