using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels;

/// <summary>
/// Functions of whole vectors. They are written for 512 bits; on narrower machines the compiler splits each vector, and the results are the same.
/// </summary>
internal static class VectorMath
{
    /// <summary>
    /// eˣ, within 2 units in the last place; exactly 0 below the smallest normal result (so for -∞), NaN for NaN, at most e⁸⁸.
    /// Reduction and polynomial after Cephes' <c>expf</c>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        const float smallest = -87.33654f;
        Vector512<float> lowest = Vector512.Create(smallest);
        Vector512<float> tooSmall = Vector512.LessThan(x, lowest);
        // In this order a NaN passes through the native minimum and maximum.
        Vector512<float> bounded = Vector512.MinNative(Vector512.Create(88f), Vector512.MaxNative(lowest, x));
        Vector512<float> n = Vector512.Round(bounded * Vector512.Create(1.44269504f));
        Vector512<float> r = Vector512.MultiplyAddEstimate(n, Vector512.Create(-0.693359375f), bounded);
        r = Vector512.MultiplyAddEstimate(n, Vector512.Create(2.12194440e-4f), r);
        Vector512<float> p = Vector512.Create(1.9875691500e-4f);
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(5.0000001201e-1f));
        Vector512<float> y = Vector512.MultiplyAddEstimate(p, r * r, r) + Vector512<float>.One;
        Vector512<int> exponent = Vector512.ConvertToInt32Native(n) + Vector512.Create(127);
        return Vector512.AndNot(y * (exponent << 23).AsSingle(), tooSmall);
    }

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x) => Vector512<float>.One / (Vector512<float>.One + Exp(-x));

    /// <summary>x · Φ(x) by the error function: exact GELU. The error function is Abramowitz and Stegun's 7.1.26, within 1.5e-7.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Gelu(Vector512<float> x)
    {
        Vector512<float> z = Vector512.Abs(x) * Vector512.Create(0.70710678f);
        Vector512<float> t = Vector512<float>.One / Vector512.MultiplyAddEstimate(z, Vector512.Create(0.3275911f), Vector512<float>.One);
        Vector512<float> p = Vector512.Create(1.061405429f);
        p = Vector512.MultiplyAddEstimate(p, t, Vector512.Create(-1.453152027f));
        p = Vector512.MultiplyAddEstimate(p, t, Vector512.Create(1.421413741f));
        p = Vector512.MultiplyAddEstimate(p, t, Vector512.Create(-0.284496736f));
        p = Vector512.MultiplyAddEstimate(p, t, Vector512.Create(0.254829592f));
        Vector512<float> half = Vector512.Create(0.5f) * p * t * Exp(-z * z);
        return x * Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<float>.Zero), half, Vector512<float>.One - half);
    }

    /// <summary>GELU by its tanh approximation, as 1/(1 + e⁻²ᵘ) with u = √(2/π)(x + 0.044715x³).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> GeluTanh(Vector512<float> x)
    {
        Vector512<float> cubic = Vector512.MultiplyAddEstimate(x * x, Vector512.Create(0.044715f), Vector512<float>.One);
        return x * Sigmoid(x * cubic * Vector512.Create(2f * 0.79788456f));
    }
}
