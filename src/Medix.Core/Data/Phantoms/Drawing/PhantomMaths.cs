using System.Runtime.CompilerServices;
using Medix.Runs;

namespace Medix.Data.Phantoms;

/// <summary>
/// The few functions the painters need, from additions, products and square roots only: those are exact by IEEE 754,
/// so a phantom has the same pixels on every machine, which library sines and exponentials do not promise.
/// </summary>
internal static class PhantomMaths
{
    /// <summary>A sine of period 1 (within 0.002 of it): two parabolas, sharpened.</summary>
    public static float Wave(float turns)
    {
        float f = turns - MathF.Floor(turns);
        float half = f < 0.5f ? f : f - 0.5f;
        float y = 16f * half * (0.5f - half);
        y *= 0.775f + (0.225f * y);
        return f < 0.5f ? y : -y;
    }

    /// <summary>1 at 0, 0 from 1 on, smooth: a bell of compact support over a squared distance.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Bell(float squared)
    {
        float rest = MathF.Max(0f, 1f - squared);
        return rest * rest;
    }

    /// <summary>0 below 0, 1 above 1, a cubic between.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Smooth(float t)
    {
        t = MathF.Min(1f, MathF.Max(0f, t));
        return t * t * (3f - (2f * t));
    }

    /// <summary>Linear interpolation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Mix(float from, float to, float t) => from + ((to - from) * t);

    /// <summary>A draw of mean 0 and variance 1 within ±3.5: the sum of four uniform draws from one 64-bit value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float NextNoise(this SeededRandom random)
    {
        ulong bits = random.NextBits();
        int sum = (int)(bits & 0xFFFF) + (int)((bits >> 16) & 0xFFFF) + (int)((bits >> 32) & 0xFFFF) + (int)(bits >> 48);
        return (sum - 131070) * (1f / 37837f);
    }

    /// <summary>Uniform in [low, high).</summary>
    public static float Next(this SeededRandom random, float low, float high) => low + ((high - low) * (float)random.NextDouble());
}
