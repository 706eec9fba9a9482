using System.Diagnostics.CodeAnalysis;

namespace Medix.Inference.Kernels;

/// <summary>
/// How the keys and values of computed tokens are kept. Queries, scores, softmax and sums are single precision with each of them; a token's result depends on
/// its own sequence only.
/// </summary>
public enum KeyValueStorage
{
    /// <summary>32-bit floats: exactly what was computed.</summary>
    Fp32,

    /// <summary>Half-precision floats: half the memory, 11 bits of precision. What is beyond their range becomes the largest of them.</summary>
    Fp16,

    /// <summary>8-bit integers with one scale for each key and each value of a head: slightly more than a quarter of the memory.</summary>
    [SuppressMessage("Naming", "CA1720", Justification = "The name by which this storage is known.")]
    Int8,
}
