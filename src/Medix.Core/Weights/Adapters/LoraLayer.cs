namespace Medix.Weights.Adapters;

/// <summary>
/// The adapter of one weight, by the weight's canonical name. For a matrix [out, in]: <paramref name="A"/> [rank, in] and <paramref name="B"/> [out, rank], row-major.
/// For fused experts (<paramref name="Experts"/> &gt; 0): A [experts, rank, in] and B [out, rank, experts], so that expert e changes by
/// <c>Scale · Σ_r B[:, r, e] A[e, r, :]</c>. <paramref name="Magnitude"/> [out] holds DoRA's lengths, or null.
/// </summary>
public sealed record LoraLayer(string Parameter, int Rank, float Scale, int Input, int Output, float[] A, float[] B, float[]? Magnitude = null, int Experts = 0)
{
    /// <summary>Writes one expert's change [out, in] (expert 0 of a plain matrix) over <paramref name="target"/>.</summary>
    public void WriteDelta(int expert, Span<float> target)
    {
        target.Clear();
        int experts = Math.Max(Experts, 1);
        for (int row = 0; row < Output; row++)
        {
            Span<float> sum = target.Slice(row * Input, Input);
            for (int r = 0; r < Rank; r++)
            {
                float factor = Scale * B[(((row * Rank) + r) * experts) + expert];
                ReadOnlySpan<float> a = A.AsSpan(((expert * Rank) + r) * Input, Input);
                System.Numerics.Tensors.TensorPrimitives.MultiplyAdd(a, factor, sum, sum);
            }
        }
    }
}
