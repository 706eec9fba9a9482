using Medix.Training.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Modules;

/// <summary>
/// The model's building blocks: our kernels where the tensors are single precision on the CPU, torch's own operations elsewhere (and everywhere when
/// <paramref name="kernels"/> is false). Both compute the same, to rounding. Activations are in <paramref name="compute"/>; with <paramref name="recompute"/>
/// layers keep their input alone for the backward pass.
/// </summary>
internal sealed class Operations(bool kernels, ScalarType compute = ScalarType.Float32, bool recompute = false)
{
    /// <summary>A parameter or input in the precision of activations.</summary>
    public Tensor Cast(Tensor value) => value.to_type(compute);

    /// <summary>A layer of the model, given x and the constant tensors it reads; computed again in the backward pass where activations are not kept.</summary>
    public Tensor Recomputed(Tensor x, IReadOnlyList<Tensor> constants, Func<Tensor, IReadOnlyList<Tensor>, Tensor> layer) =>
        recompute && is_grad_enabled() ? RecomputedFunction.Apply(x, constants, layer) : layer(x, constants);

    /// <summary>x·Wᵀ (+ bias).</summary>
    public Tensor Linear(Tensor x, Tensor weight, Tensor? bias = null)
    {
        Tensor product = Linears(x, weight)[0];
        return bias is null ? product : product.Plus(Cast(bias));
    }

    /// <summary>x·Wᵀ for several weights.</summary>
    public IReadOnlyList<Tensor> Linears(Tensor x, params Tensor[] weights) => Fast(x)
        ? LinearFunction.apply([x, .. weights])
        : [.. weights.Select(weight => PlainOperations.Linear(x, weight))];

    /// <summary>residual + x·Wᵀ.</summary>
    public Tensor AddLinear(Tensor residual, Tensor x, Tensor weight) => Fast(x) && Fast(residual)
        ? ResidualLinearFunction.apply(residual, x, weight)
        : residual.Plus(PlainOperations.Linear(x, weight));

    /// <summary>(start +) x·Wᵀ + scale·(x·Aᵀ)·Bᵀ, for a weight that is not trained.</summary>
    public Tensor AdaptedLinear(Tensor? start, Tensor x, Tensor weight, Tensor a, Tensor b, double scale)
    {
        if (Fast(x) && (start is null || Fast(start)))
        {
            return start is null ? AdaptedLinearFunction.apply(x, weight, a, b, scale) : AdaptedLinearFunction.apply(x, weight, a, b, scale, start);
        }

        Tensor change = PlainOperations.Linear(PlainOperations.Linear(x, a).Times(scale), b);
        Tensor product = PlainOperations.Linear(x, weight).Plus(change);
        return start is null ? product : start.Plus(product);
    }

    /// <summary>Rows sorted into groups, each times its own matrix [in, out] of weight [groups, in, out].</summary>
    public Tensor GroupedLinear(Tensor x, Tensor weight, int[] offsets) => Fast(x)
        ? GroupedLinearFunction.apply(x, weight, offsets)
        : PlainOperations.GroupedLinear(x, weight, offsets);

    /// <summary>RMSNorm over the last dimension.</summary>
    public Tensor RmsNorm(Tensor x, Tensor weight, double epsilon) => Fast(x)
        ? HeadNormFunction.apply(x, weight, epsilon)
        : PlainOperations.RmsNorm(x, weight, epsilon);

    /// <summary>RMSNorm over each head, then rotation.</summary>
    public Tensor HeadNormRope(Tensor x, Tensor weight, Tensor cos, Tensor sin, double epsilon) => Fast(x)
        ? HeadNormFunction.apply(x, weight, epsilon, cos, sin)
        : PlainOperations.HeadNormRope(x, weight, cos, sin, epsilon);

    /// <summary>silu(gate) ⊙ up.</summary>
    public Tensor SwiGlu(Tensor gate, Tensor up) => Fast(gate) ? SwiGluFunction.apply(gate, up) : PlainOperations.SwiGlu(gate, up);

    /// <summary>Softmax attention over the layout's segments.</summary>
    public Tensor Attention(Tensor query, Tensor key, Tensor value, AttentionLayout layout, AttentionShape shape) => Fast(query)
        ? AttentionFunction.apply(query, key, value, layout, shape)
        : PlainOperations.Attention(query, key, value, layout, shape);

    /// <summary>Weighted sums of a table's rows.</summary>
    public Tensor Gather(Tensor table, RowMix mix) => Fast(table) ? Cast(GatherFunction.apply(table, mix)) : Cast(PlainOperations.Gather(table, mix));

    /// <summary>Log-probability and entropy of each row's target.</summary>
    public TokenStatistics LogProbs(Tensor hidden, Tensor weight, int[] targets, IReadOnlyList<int> banned, float temperature)
    {
        if (!Fast(hidden))
        {
            return PlainOperations.LogProbs(hidden, weight, targets, banned, temperature);
        }

        Tensor results = LogProbFunction.apply(hidden, weight, targets, banned, temperature);
        return new(results[0], results[1]);
    }

    private bool Fast(Tensor x) => kernels && TensorMemory.IsPlainFloat32(x);
}
