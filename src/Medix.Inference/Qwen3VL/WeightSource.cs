using Medix.Inference.Kernels;
using Medix.Weights;

namespace Medix.Inference.Qwen3VL;

/// <summary>A model's parameters as they were published, wherever they are, to be packed slice by slice.</summary>
/// <param name="Config">The model's shape.</param>
/// <param name="Read">The values; may be called again from the start.</param>
/// <param name="Release">Told of a parameter whenever what was read of it is not needed any more, or null.</param>
/// <param name="HoldsExpertsTransposed">Whether a parameter's experts come as [experts, out, in] and not as published; null for never.</param>
public sealed record WeightSource(Qwen3VLConfig Config, WeightReader Read, Action<string>? Release = null, Func<string, bool>? HoldsExpertsTransposed = null)
{
    /// <summary>A checkpoint's; it must stay open.</summary>
    public static WeightSource Of(Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        HashSet<string> transposed = [.. ModelTensors.Of(checkpoint.Config).Where(checkpoint.HoldsExpertsTransposed).Select(tensor => tensor.Name)];
        return new WeightSource(checkpoint.Config, checkpoint.ReadFloat32, checkpoint.Release, transposed.Contains);
    }

    internal WeightLoader LoaderFor(WorkerPool pool, LoadHooks? hooks) => new(Read, pool, Release, HoldsExpertsTransposed, hooks);
}
