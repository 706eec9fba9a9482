using Medix.Inference.Kernels;
using Medix.Weights;

namespace Medix.Inference.Qwen3VL;

/// <summary>A sparse MLP's parameters: the router, always in single precision, and each expert's gate and up stacked, and down.</summary>
internal sealed class ExpertWeights(TextConfig text, ModelMemory memory, int layer) : IDisposable
{
    public PackedMatrix Router { get; } = memory.Matrix($"layers.{layer}.router", text.Experts ?? 0, text.Hidden, WeightStorage.Fp32);

    public IReadOnlyList<PackedMatrix> GateUp { get; } =
        memory.Experts($"layers.{layer}.experts.gate_up", text.Experts ?? 0, 2 * text.ExpertIntermediate, text.Hidden, memory.Plan.GateUp);

    public IReadOnlyList<PackedMatrix> Down { get; } =
        memory.Experts($"layers.{layer}.experts.down", text.Experts ?? 0, text.Hidden, text.ExpertIntermediate, memory.Plan.Down);

    public IEnumerable<PackedMatrix> Matrices => [Router, .. GateUp, .. Down];

    /// <summary>The sum over what one token meets: the router, and as many experts as it is sent to.</summary>
    public long PerToken(Func<PackedMatrix, long> size) => size(Router) + (text.ExpertsPerToken * (size(GateUp[0]) + size(Down[0])));

    /// <summary>Reads the parameters under <paramref name="prefix"/>, which ends in <c>mlp.</c>.</summary>
    public void Load(string prefix, WeightLoader loader)
    {
        loader.Read(prefix + "gate.weight", Router);
        loader.ReadExperts(prefix + "experts.gate_up_proj", GateUp);
        loader.ReadExperts(prefix + "experts.down_proj", Down);
    }

    public void Dispose()
    {
        Router.Dispose();
        foreach (PackedMatrix matrix in GateUp.Concat(Down))
        {
            matrix.Dispose();
        }
    }
}
