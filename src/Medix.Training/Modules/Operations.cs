using Medix.Training.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Modules;

/// <summary>
/// The model's building blocks: our kernels where the tensors are single precision on the CPU, torch's own operations elsewhere (and everywhere when
/// <paramref name="kernels"/> is false). Both compute the same, to rounding.
/// </summary>
internal sealed class Operations(bool kernels)
{
    /// <summary>x·Wᵀ (+ bias).</summary>
    public Tensor Linear(Tensor x, Tensor weight, Tensor? bias = null)
    {
        Tensor product = Linears(x, weight)[0];
        return bias is null ? product : product.Plus(bias);
    }

    /// <summary>x·Wᵀ for several weights.</summary>
    public IReadOnlyList<Tensor> Linears(Tensor x, params Tensor[] weights) => Fast(x)
        ? LinearFunction.apply([x, .. weights])
        : [.. weights.Select(weight => PlainOperations.Linear(x, weight))];

    /// <summary>residual + x·Wᵀ.</summary>
    public Tensor AddLinear(Tensor residual, Tensor x, Tensor weight) => Fast(x) && Fast(residual)
        ? ResidualLinearFunction.apply(residual, x, weight)
        : residual.Plus(PlainOperations.Linear(x, weight));

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
    public Tensor Gather(Tensor table, RowMix mix) => Fast(table) ? GatherFunction.apply(table, mix) : PlainOperations.Gather(table, mix);

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
