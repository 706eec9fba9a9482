using System.Numerics.Tensors;

namespace Medix.Inference.Embedder;

/// <summary>What all embedders do to their vectors.</summary>
internal static class Vectors
{
    /// <summary>Scales to length 1; a vector of zeros stays one.</summary>
    public static void Normalise(Span<float> vector)
    {
        float norm = TensorPrimitives.Norm<float>(vector);
        TensorPrimitives.Divide(vector, MathF.Max(norm, 1e-12f), vector);
    }
}
