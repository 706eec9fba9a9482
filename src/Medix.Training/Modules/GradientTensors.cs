using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Modules;

/// <summary>
/// Lifetime of the tensors that our backward functions hand to libtorch. The engine takes its own reference only after the function has returned, so a
/// result must outlive the call; left to the caller's dispose scope it would stay until the whole backward pass is over. Here it stays until the
/// next backward function begins.
/// </summary>
internal static class GradientTensors
{
    [ThreadStatic]
    private static List<Tensor>? pending;

    /// <summary>Begins a backward function: earlier results are in libtorch's hands by now.</summary>
    public static void Begin() => Release();

    /// <summary>Hands over the results; <paramref name="inputs"/> (incoming gradients, unpacked tensors) are no longer needed.</summary>
    public static List<Tensor> Return(IEnumerable<Tensor?> inputs, params Tensor?[] results)
    {
        foreach (Tensor? input in inputs)
        {
            if (input is not null && !results.Any(result => ReferenceEquals(result, input)))
            {
                input.Dispose();
            }
        }

        pending ??= [];
        foreach (Tensor result in results.OfType<Tensor>())
        {
            pending.Add(result);
            result.DetachFromDisposeScope();
        }

        return [.. results.Select(result => result!)];
    }

    /// <summary>Ends a backward pass on this thread.</summary>
    public static void Release()
    {
        pending?.ForEach(tensor => tensor.Dispose());
        pending?.Clear();
    }
}
