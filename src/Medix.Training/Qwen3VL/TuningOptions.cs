using Medix.Weights.Adapters;
using TorchSharp;

namespace Medix.Training.Qwen3VL;

/// <summary>
/// What of a model is trained, and how. By default every parameter, in single precision on the CPU.
/// </summary>
public sealed record TuningOptions
{
    /// <summary>Train low-rank adapters instead of the weights, which stay frozen in the precision of their file (bf16 is kept); null trains the weights.</summary>
    public LoraConfig? Lora { get; init; }

    /// <summary>The adapter to go on from; null starts a new one, whose change is zero. Its settings must be those of <see cref="Lora"/>.</summary>
    public LoraAdapter? Adapter { get; init; }

    /// <summary>Leaves the vision tower as it is, in the precision of its file.</summary>
    public bool FreezeVision { get; init; }

    /// <summary>Trains nothing: the reference of a KL penalty.</summary>
    public bool FreezeAll { get; init; }

    /// <summary>
    /// Keeps only the input of each layer for the backward pass and computes the rest again there: a third more work, a fraction of the memory (Chen et al. 2016,
    /// arXiv 1604.06174).
    /// </summary>
    public bool RecomputeActivations { get; init; }

    /// <summary>Computes activations in bfloat16 with single-precision master weights; norms, softmax and log-probabilities stay in single precision.</summary>
    public bool BFloat16 { get; init; }

    /// <summary>Where the model is; null for the CPU.</summary>
    public torch.Device? Device { get; init; }

    /// <summary>False uses torch's operations alone: the reference for tests.</summary>
    public bool OwnKernels { get; init; } = true;

    /// <summary>What a new adapter's random numbers are derived from.</summary>
    public ulong Seed { get; init; }

    /// <summary>Whether a base parameter is trained.</summary>
    internal bool Trains(string name) => Lora is null && !FreezeAll && !(FreezeVision && name.StartsWith(Weights.ModelTensors.VisionPrefix, StringComparison.Ordinal));
}
