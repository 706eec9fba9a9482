using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Medix.Inference.Kernels;

/// <summary>What happens to a row between two products. Any length; every result depends on its own row only.</summary>
internal static unsafe class RowKernels
{
    private const int Lanes = 16;

    /// <summary>y = w ⊙ x / √(mean(x²) + ε). <paramref name="y"/> may be <paramref name="x"/>.</summary>
    public static void RmsNorm(float* x, float* w, float* y, int n, float epsilon)
    {
        Vector512<float> scale = Vector512.Create(1f / MathF.Sqrt((SumOfSquares(x, n) / n) + epsilon));
        int i = 0;
        for (; i <= n - Lanes; i += Lanes)
        {
            (Vector512.Load(x + i) * scale * Vector512.Load(w + i)).Store(y + i);
        }

        for (; i < n; i++)
        {
            y[i] = x[i] * scale[0] * w[i];
        }
    }

    /// <summary>y = w ⊙ (x - mean) / √(variance + ε) + b.</summary>
    public static void LayerNorm(float* x, float* w, float* b, float* y, int n, float epsilon)
    {
        float mean = Sum(x, n) / n;
        Vector512<float> center = Vector512.Create(mean);
        Vector512<float> squares = default;
        int i = 0;
        for (; i <= n - Lanes; i += Lanes)
        {
            Vector512<float> d = Vector512.Load(x + i) - center;
            squares += d * d;
        }

        float variance = Vector512.Sum(squares);
        for (; i < n; i++)
        {
            variance += (x[i] - mean) * (x[i] - mean);
        }

        float scale = 1f / MathF.Sqrt((variance / n) + epsilon);
        Vector512<float> scales = Vector512.Create(scale);
        for (i = 0; i <= n - Lanes; i += Lanes)
        {
            (((Vector512.Load(x + i) - center) * scales * Vector512.Load(w + i)) + Vector512.Load(b + i)).Store(y + i);
        }

        for (; i < n; i++)
        {
            y[i] = ((x[i] - mean) * scale * w[i]) + b[i];
        }
    }

    /// <summary>
    /// Rotates the pairs (j, j + d/2) of a head by the angles whose cosines [d/2] and then sines [d/2] are at <paramref name="rotary"/>,
    /// and scales the result. Source and target must not overlap.
    /// </summary>
    public static void Rotate(float* x, float* rotary, float* y, int d, float scale)
    {
        int half = d / 2, j = 0;
        Vector512<float> scales = Vector512.Create(scale);
        for (; j <= half - Lanes; j += Lanes)
        {
            Vector512<float> low = Vector512.Load(x + j) * scales, high = Vector512.Load(x + half + j) * scales;
            Vector512<float> cosine = Vector512.Load(rotary + j), sine = Vector512.Load(rotary + half + j);
            ((low * cosine) - (high * sine)).Store(y + j);
            ((high * cosine) + (low * sine)).Store(y + half + j);
        }

        for (; j < half; j++)
        {
            float low = x[j] * scale, high = x[half + j] * scale;
            y[j] = (low * rotary[j]) - (high * rotary[half + j]);
            y[half + j] = (high * rotary[j]) + (low * rotary[half + j]);
        }
    }

    /// <summary>y = silu(gate) ⊙ up, where gate [n] and up [n] lie one after the other.</summary>
    public static void SiluMultiply(float* gateUp, float* y, int n)
    {
        int i = 0;
        for (; i <= n - Lanes; i += Lanes)
        {
            Vector512<float> gate = Vector512.Load(gateUp + i);
            (gate * VectorMath.Sigmoid(gate) * Vector512.Load(gateUp + n + i)).Store(y + i);
        }

        if (i < n)
        {
            Vector512<float> gate = LoadPart(gateUp + i, n - i);
            StorePart(gate * VectorMath.Sigmoid(gate) * LoadPart(gateUp + n + i, n - i), y + i, n - i);
        }
    }

    /// <summary>x = GELU(x + b): by the tanh approximation (vision blocks) or exact (mergers).</summary>
    public static void BiasGelu(float* x, float* b, int n, bool tanh)
    {
        int i = 0;
        for (; i <= n - Lanes; i += Lanes)
        {
            Vector512<float> sum = Vector512.Load(x + i) + Vector512.Load(b + i);
            (tanh ? VectorMath.GeluTanh(sum) : VectorMath.Gelu(sum)).Store(x + i);
        }

        if (i < n)
        {
            Vector512<float> sum = LoadPart(x + i, n - i) + LoadPart(b + i, n - i);
            StorePart(tanh ? VectorMath.GeluTanh(sum) : VectorMath.Gelu(sum), x + i, n - i);
        }
    }

    /// <summary>x += y.</summary>
    public static void Add(float* x, float* y, int n)
    {
        int i = 0;
        for (; i <= n - Lanes; i += Lanes)
        {
            (Vector512.Load(x + i) + Vector512.Load(y + i)).Store(x + i);
        }

        for (; i < n; i++)
        {
            x[i] += y[i];
        }
    }

    /// <summary>y = x · scale.</summary>
    public static void Scale(float* x, float* y, int n, float scale)
    {
        Vector512<float> scales = Vector512.Create(scale);
        int i = 0;
        for (; i <= n - Lanes; i += Lanes)
        {
            (Vector512.Load(x + i) * scales).Store(y + i);
        }

        for (; i < n; i++)
        {
            y[i] = x[i] * scale;
        }
    }

    /// <summary>x ⊙= y.</summary>
    public static void Multiply(float* x, float* y, int n)
    {
        int i = 0;
        for (; i <= n - Lanes; i += Lanes)
        {
            (Vector512.Load(x + i) * Vector512.Load(y + i)).Store(x + i);
        }

        for (; i < n; i++)
        {
            x[i] *= y[i];
        }
    }

    /// <summary>The largest value; NaN if there is one. At least one value.</summary>
    public static float Max(float* x, int n)
    {
        Vector512<float> max = Vector512.Create(float.NegativeInfinity);
        int i = 0;
        for (; i <= n - Lanes; i += Lanes)
        {
            max = Vector512.Max(max, Vector512.Load(x + i));
        }

        float result = max[0];
        for (int lane = 1; lane < Lanes; lane++)
        {
            result = MathF.Max(result, max[lane]);
        }

        for (; i < n; i++)
        {
            result = MathF.Max(result, x[i]);
        }

        return result;
    }

    /// <summary>y = e^((x - shift)·scale); returns the sum. <paramref name="y"/> may be <paramref name="x"/>.</summary>
    public static float ExpSum(float* x, float* y, int n, float shift, float scale)
    {
        Vector512<float> shifts = Vector512.Create(shift), scales = Vector512.Create(scale), sum = default;
        int i = 0;
        for (; i <= n - Lanes; i += Lanes)
        {
            Vector512<float> e = VectorMath.Exp((Vector512.Load(x + i) - shifts) * scales);
            sum += e;
            e.Store(y + i);
        }

        if (i < n)
        {
            Vector512<float> e = VectorMath.Exp((LoadPart(x + i, n - i, float.NegativeInfinity) - shifts) * scales);
            sum += e;
            StorePart(e, y + i, n - i);
        }

        return Vector512.Sum(sum);
    }

    private static float Sum(float* x, int n)
    {
        Vector512<float> sum = default;
        int i = 0;
        for (; i <= n - Lanes; i += Lanes)
        {
            sum += Vector512.Load(x + i);
        }

        float total = Vector512.Sum(sum);
        for (; i < n; i++)
        {
            total += x[i];
        }

        return total;
    }

    private static float SumOfSquares(float* x, int n)
    {
        Vector512<float> sum = default;
        int i = 0;
        for (; i <= n - Lanes; i += Lanes)
        {
            Vector512<float> v = Vector512.Load(x + i);
            sum += v * v;
        }

        float total = Vector512.Sum(sum);
        for (; i < n; i++)
        {
            total += x[i] * x[i];
        }

        return total;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector512<float> LoadPart(float* x, int count, float rest = 0)
    {
        float* buffer = stackalloc float[Lanes];
        for (int i = 0; i < Lanes; i++)
        {
            buffer[i] = i < count ? x[i] : rest;
        }

        return Vector512.Load(buffer);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StorePart(Vector512<float> v, float* y, int count)
    {
        for (int i = 0; i < count; i++)
        {
            y[i] = v[i];
        }
    }
}
