using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Training.Modules.Kernels;

/// <summary>Elementary functions on vectors of 16 numbers; on machines with shorter vectors .NET splits them.</summary>
internal static class VectorMath
{
    /// <summary>Numbers in a vector.</summary>
    public const int Lanes = 16;

    private const float Lowest = -87.33654f;
    private const float Highest = 88.37626f;

    /// <summary>
    /// eˣ within two units in the last place: x = n·ln 2 + r, a polynomial in r (Cephes' expf), and n into the exponent. 0 below the smallest normal
    /// number, NaN for NaN.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        Vector512<float> n = Vector512.Round(Vector512.Min(x, Vector512.Create(Highest)) * Vector512.Create(1.44269504f));
        Vector512<float> r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-0.693359375f), Vector512.Min(x, Vector512.Create(Highest)));
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(2.12194440e-4f), r);
        Vector512<float> p = Vector512.Create(1.9875691500e-4f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.0000001201e-1f));
        p = Vector512.FusedMultiplyAdd(p, r * r, r + Vector512<float>.One);
        Vector512<float> power = ((Vector512.ConvertToInt32Native(n) + Vector512.Create(127)) << 23).AsSingle();
        return Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512.Create(Lowest)), Vector512<float>.Zero, p * power);
    }

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x) => Vector512<float>.One / (Vector512<float>.One + Exp(-x));

    /// <summary>The next multiple of <see cref="Lanes"/>.</summary>
    public static int RoundUp(int count) => (count + Lanes - 1) / Lanes * Lanes;
}
