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
/// A model's parameters. The trainable ones are in one flat fp32 tensor and their gradients in another, so that clipping and the optimiser are one pass over
/// memory; each begins on a cache line, and the gap values stay zero. Frozen ones are tensors of their own, in fp32 or bf16, without gradients.
/// </summary>
public sealed class ParameterStore : IDisposable
{
    private const int LineFloats = 16;
    private readonly Dictionary<string, NamedParameter> byName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tensor> frozen = new(StringComparer.Ordinal);

    internal ParameterStore(IReadOnlyList<ExpectedTensor> trainable, Device device)
    {
        long total = trainable.Sum(parameter => RoundUp(Count(parameter)));
        using DisposeScope scope = NewDisposeScope();
        Values = zeros(total, ScalarType.Float32, device).DetachFromDisposeScope();
        Gradients = zeros(total, ScalarType.Float32, device).DetachFromDisposeScope();
        List<NamedParameter> all = [];
        long offset = 0;
        foreach (ExpectedTensor parameter in trainable)
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

    /// <summary>The trainable parameters in the order of the forward pass.</summary>
    public IReadOnlyList<NamedParameter> All { get; }

    /// <summary>The frozen parameters.</summary>
    public IReadOnlyDictionary<string, Tensor> Frozen => frozen;

    /// <summary>Every trainable value, [total].</summary>
    public Tensor Values { get; }

    /// <summary>Every gradient, laid out as <see cref="Values"/>; backward passes add to it.</summary>
    public Tensor Gradients { get; }

    /// <summary>Every trainable value as memory; the storage must be on the CPU.</summary>
    public Span<float> ValueSpan => TensorMemory.Span(Values);

    /// <summary>Every gradient as memory; the storage must be on the CPU.</summary>
    public Span<float> GradientSpan => TensorMemory.Span(Gradients);

    /// <summary>The parameter's value under its published name, trainable or frozen.</summary>
    public Tensor this[string name] => byName.TryGetValue(name, out NamedParameter? trainable) ? trainable.Value : frozen[name];

    /// <summary>Forgets the gradients of earlier backward passes.</summary>
    public void ZeroGradients() => Gradients.zero_();

    /// <summary>The trainable parameter of this name.</summary>
    internal NamedParameter Trainable(string name) => byName[name];

    /// <summary>Takes over a tensor that is not trained.</summary>
    internal void AddFrozen(string name, Tensor value) => frozen.Add(name, value.DetachFromDisposeScope());

    /// <summary>Releases the storage.</summary>
    public void Dispose()
    {
        foreach (NamedParameter parameter in All)
        {
            parameter.Value.Dispose();
            parameter.Gradient.Dispose();
        }

        foreach (Tensor value in frozen.Values)
        {
            value.Dispose();
        }

        Values.Dispose();
        Gradients.Dispose();
    }

    private static long Count(ExpectedTensor parameter) => parameter.Shape.Aggregate(1L, (product, side) => checked(product * side));

    private static long RoundUp(long count) => (count + LineFloats - 1) / LineFloats * LineFloats;

    private static Tensor View(Tensor flat, long offset, ExpectedTensor parameter) =>
        flat.narrow(0, offset, Count(parameter)).view(parameter.Shape).detach().DetachFromDisposeScope();
}
