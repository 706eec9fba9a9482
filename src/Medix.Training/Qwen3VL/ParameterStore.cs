using Medix.Training.Native;
using Medix.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Qwen3VL;

/// <summary>
/// One trainable tensor under its published name. <paramref name="Value"/> and <paramref name="Gradient"/> are views of the model's flat storage:
/// they begin at <paramref name="Offset"/> there and have <paramref name="Count"/> values.
/// </summary>
public sealed record NamedParameter(string Name, IReadOnlyList<long> Shape, Tensor Value, Tensor Gradient, long Offset, long Count);

/// <summary>
/// All parameters of a model in one flat fp32 tensor and their gradients in another, so that clipping and the optimiser are one pass over memory.
/// Each parameter begins on a cache line; the gap values stay zero.
/// </summary>
public sealed class ParameterStore : IDisposable
{
    private const int LineFloats = 16;
    private readonly Dictionary<string, NamedParameter> byName = new(StringComparer.Ordinal);

    internal ParameterStore(IReadOnlyList<ExpectedTensor> plan, Device device)
    {
        long total = plan.Sum(parameter => RoundUp(Count(parameter)));
        using DisposeScope scope = NewDisposeScope();
        Values = zeros(total, ScalarType.Float32, device).DetachFromDisposeScope();
        Gradients = zeros(total, ScalarType.Float32, device).DetachFromDisposeScope();
        List<NamedParameter> all = [];
        long offset = 0;
        foreach (ExpectedTensor parameter in plan)
        {
            Tensor value = View(Values, offset, parameter).requires_grad_(true);
            Tensor gradient = View(Gradients, offset, parameter);
            value.grad = gradient;
            all.Add(new(parameter.Name, parameter.Shape, value, gradient, offset, Count(parameter)));
            byName.Add(parameter.Name, all[^1]);
            offset += RoundUp(Count(parameter));
        }

        All = all;
    }

    /// <summary>The parameters in the order of the forward pass.</summary>
    public IReadOnlyList<NamedParameter> All { get; }

    /// <summary>Every value, [total].</summary>
    public Tensor Values { get; }

    /// <summary>Every gradient, laid out as <see cref="Values"/>; backward passes add to it.</summary>
    public Tensor Gradients { get; }

    /// <summary>Every value as memory; the storage must be on the CPU.</summary>
    public Span<float> ValueSpan => TensorMemory.Span(Values);

    /// <summary>Every gradient as memory; the storage must be on the CPU.</summary>
    public Span<float> GradientSpan => TensorMemory.Span(Gradients);

    /// <summary>The parameter's value under its published name.</summary>
    public Tensor this[string name] => byName[name].Value;

    /// <summary>Forgets the gradients of earlier backward passes.</summary>
    public void ZeroGradients() => Gradients.zero_();

    /// <summary>Releases the storage.</summary>
    public void Dispose()
    {
        foreach (NamedParameter parameter in All)
        {
            parameter.Value.Dispose();
            parameter.Gradient.Dispose();
        }

        Values.Dispose();
        Gradients.Dispose();
    }

    private static long Count(ExpectedTensor parameter) => parameter.Shape.Aggregate(1L, (product, side) => checked(product * side));

    private static long RoundUp(long count) => (count + LineFloats - 1) / LineFloats * LineFloats;

    private static Tensor View(Tensor flat, long offset, ExpectedTensor parameter) =>
        flat.narrow(0, offset, Count(parameter)).view(parameter.Shape).detach().DetachFromDisposeScope();
}
