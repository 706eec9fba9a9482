using System.Runtime.Intrinsics;
using CsCheck;
using Medix.Inference.Kernels;
using Medix.Runs;

namespace Medix.Inference.Tests;

[Trait("Machine", "Any")]
public unsafe class RowKernelTests
{
    private static readonly Gen<float[]> Rows = Gen.Select(Gen.Int[1, 130], Gen.ULong).Select((n, seed) =>
    {
        SeededRandom random = Seed.Random(seed);
        return (float[])[.. Enumerable.Range(0, n).Select(_ => (float)(2 * random.NextNormal()))];
    });

    [Fact]
    public void The_exponential_is_within_2_units_of_the_last_place() => Gen.Float[-87.3f, 87.9f].Sample(x =>
    {
        double exact = Math.Exp(x);
        Assert.InRange((VectorMath.Exp(Vector512.Create(x))[3] - exact) / exact, -2.4e-7, 2.4e-7);
    });

    [Fact]
    public void The_exponential_has_its_limits()
    {
        Vector512<float> x = Vector512<float>.Zero.WithElement(0, float.NegativeInfinity).WithElement(1, float.NaN).WithElement(2, 1000f).WithElement(3, -88f);
        Vector512<float> y = VectorMath.Exp(x);
        Assert.Equal(0, y[0]);
        Assert.True(float.IsNaN(y[1]));
        Assert.InRange(y[2], 1e38f, float.MaxValue);
        Assert.Equal(0, y[3]);
        Assert.Equal(1, y[4]);
    }

    [Fact]
    public void Activations_equal_their_formulas() => Rows.Sample(x =>
    {
        int n = x.Length;
        float[] gateUp = [.. x, .. x.Reverse()], silu = new float[n], tanh = [.. x], exact = [.. x], bias = [.. x.Select(v => 0.1f * v)];
        fixed (float* pg = gateUp, ps = silu, pt = tanh, pe = exact, pb = bias)
        {
            RowKernels.SiluMultiply(pg, ps, n);
            RowKernels.BiasGelu(pt, pb, n, tanh: true);
            RowKernels.BiasGelu(pe, pb, n, tanh: false);
        }

        for (int i = 0; i < n; i++)
        {
            double v = x[i] + (double)bias[i];
            Close(x[i] / (1 + Math.Exp(-x[i])) * gateUp[n + i], silu[i], 3e-6);
            Close(0.5 * v * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (v + (0.044715 * v * v * v)))), tanh[i], 1e-6);
            Close(0.5 * v * (1 + Erf(v / Math.Sqrt(2))), exact[i], 2e-6);
        }
    });

    [Fact]
    public void Norms_and_softmax_equal_their_formulas() => Rows.Sample(x =>
    {
        int n = x.Length;
        float[] w = [.. x.Select(v => 1 + (0.3f * v))], b = [.. x.Reverse()], rms = new float[n], layer = new float[n], soft = [.. x];
        float max, sum;
        fixed (float* px = x, pw = w, pb = b, pr = rms, pl = layer, ps = soft)
        {
            RowKernels.RmsNorm(px, pw, pr, n, 1e-6f);
            RowKernels.LayerNorm(px, pw, pb, pl, n, 1e-6f);
            max = RowKernels.Max(px, n);
            sum = RowKernels.ExpSum(ps, ps, n, max, 0.7f);
        }

        double mean = x.Average(v => (double)v), square = x.Average(v => (double)v * v), variance = x.Average(v => (v - mean) * (v - mean));
        Assert.Equal(x.Max(), max);
        Close(x.Sum(v => Math.Exp((v - max) * 0.7)), sum, 1e-5 * n);
        for (int i = 0; i < n; i++)
        {
            Close(x[i] / Math.Sqrt(square + 1e-6) * w[i], rms[i], 1e-5);
            Close(((x[i] - mean) / Math.Sqrt(variance + 1e-6) * w[i]) + b[i], layer[i], variance < 1e-6 ? 1e-2 : 1e-4);
            Close(Math.Exp((x[i] - max) * 0.7), soft[i], 1e-6);
        }
    });

    [Fact]
    public void Rotation_turns_each_pair_and_keeps_its_length() => Gen.Select(Gen.Int[1, 70], Gen.ULong).Sample((half, seed) =>
    {
        SeededRandom random = Seed.Random(seed);
        float[] x = [.. Enumerable.Range(0, 2 * half).Select(_ => (float)random.NextNormal())], y = new float[2 * half];
        double[] angles = [.. Enumerable.Range(0, half).Select(_ => random.NextDouble(-9, 9))];
        float[] rotary = [.. angles.Select(a => (float)Math.Cos(a)), .. angles.Select(a => (float)Math.Sin(a))];
        fixed (float* px = x, py = y, pr = rotary)
        {
            RowKernels.Rotate(px, pr, py, 2 * half, 0.5f);
        }

        for (int j = 0; j < half; j++)
        {
            Close(0.5 * ((x[j] * Math.Cos(angles[j])) - (x[j + half] * Math.Sin(angles[j]))), y[j], 2e-6);
            Close(0.5 * ((x[j + half] * Math.Cos(angles[j])) + (x[j] * Math.Sin(angles[j]))), y[j + half], 2e-6);
        }
    });

    private static void Close(double expected, float actual, double tolerance) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance * Math.Max(1, Math.Abs(expected)), $"{actual}, expected {expected}");

    /// <summary>By its series, exact to double precision for the arguments here.</summary>
    private static double Erf(double x)
    {
        if (Math.Abs(x) > 5)
        {
            return Math.Sign(x);
        }

        double term = x, sum = x;
        for (int n = 1; n < 200; n++)
        {
            term *= -x * x / n;
            sum += term / ((2 * n) + 1);
        }

        return 2 / Math.Sqrt(Math.PI) * sum;
    }
}
