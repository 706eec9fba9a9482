using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Qwen3VL;

/// <summary>
/// Log-probability and entropy of every response token, both [tokens of all responses] in the order group, response, token, and both with gradients.
/// Response r's tokens are at <see cref="Offsets"/>[r] up to <see cref="Offsets"/>[r + 1].
/// </summary>
public sealed class ResponseLogProbs : IDisposable
{
    internal ResponseLogProbs(Tensor logProbs, Tensor entropy, IReadOnlyList<int> offsets)
    {
        LogProbs = logProbs;
        Entropy = entropy;
        Offsets = offsets;
    }

    /// <summary>log p(token | what came before) at the temperature asked for.</summary>
    public Tensor LogProbs { get; }

    /// <summary>Entropy of the distribution the token was drawn from, in nats.</summary>
    public Tensor Entropy { get; }

    /// <summary>Where each response begins, and at the end the number of all tokens.</summary>
    public IReadOnlyList<int> Offsets { get; }

    /// <summary>Releases both tensors and with them the graph, unless a loss still holds it.</summary>
    public void Dispose()
    {
        LogProbs.Dispose();
        Entropy.Dispose();
    }
}
