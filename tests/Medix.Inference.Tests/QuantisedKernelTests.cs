using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using CsCheck;
using Medix.Inference.Kernels;
using Medix.Inference.Kernels.Quantised;
using Medix.Runs;

namespace Medix.Inference.Tests;

[Trait("Machine", "Any")]
public unsafe class QuantisedKernelTests
{
    private static readonly QuantisedFormat[] Formats = [QuantisedFormat.Q4, QuantisedFormat.Q4K, QuantisedFormat.Q8];

    /// <summary>What this machine can run; the others are held to the same reference on theirs.</summary>
    private static readonly QuantisedKernels[] Widths =
    [
        .. Avx512BW.IsSupported ? [QuantisedKernels.Width512] : (QuantisedKernels[])[],
        .. Avx2.IsSupported ? [QuantisedKernels.Width256] : (QuantisedKernels[])[],
        .. AvxVnni.IsSupported ? [QuantisedKernels.Width256Vnni] : (QuantisedKernels[])[],
        .. Dp.IsSupported ? [QuantisedKernels.WidthArm] : (QuantisedKernels[])[],
        QuantisedKernels.Portable,
    ];

    [Fact]
    public void Every_width_equals_the_scalar_reference_to_the_last_bit() =>
        Gen.Select(Gen.Int[1, 70], Gen.Int[1, 1400], Gen.OneOf(Gen.Const(1), Gen.Int[2, 37]), Gen.Int[0, 2], Gen.Bool, Gen.Bool, Gen.ULong).Sample(
            (n, k, rows, format, accumulate, extreme, seed) =>
            {
                float[] weights = Values(n * k, seed, extreme), a = Values(rows * k, seed + 1, extreme), before = Values(rows * (n + 3), seed + 2, false);
                foreach (QuantisedKernels width in Widths)
                {
                    using PackedMatrix matrix = Pack(Formats[format], weights, n, k, width);
                    float[] actual = [.. before];
                    fixed (float* pa = a, pc = actual)
                    {
                        matrix.Multiply(pa, k, pc, n + 3, rows, accumulate);
                    }

                    Assert.Equal(Reference(matrix, a, before, rows, accumulate), actual);
                }
            },
            iter: 120);

    /// <summary>Numbers 15 against activations 127 throughout: sums of pairs reach the most that 16 bits are trusted with.</summary>
    [Fact]
    public void The_largest_integer_sums_do_not_overflow()
    {
        foreach (QuantisedFormat format in Formats)
        {
            foreach (QuantisedKernels width in Widths)
            {
                foreach (int sign in (int[])[1, -1])
                {
                    float[] weights = [.. Enumerable.Repeat(3f * sign, 17 * 512)], a = [.. Enumerable.Repeat(2f, 9 * 512)], c = new float[9 * 17];
                    using PackedMatrix matrix = Pack(format, weights, 17, 512, width);
                    fixed (float* pa = a, pc = c)
                    {
                        matrix.Multiply(pa, 512, pc, 17, 9);
                    }

                    Assert.All(c, value => Assert.InRange(value, (3072 * sign) - 3, (3072 * sign) + 3));
                }
            }
        }
    }

    [Fact]
    public void A_row_does_not_depend_on_the_rows_beside_it_nor_on_the_number_of_threads()
    {
        const int n = 203, k = 517, rows = 37;
        float[] a = Values(rows * k, 4, false), weights = Values(n * k, 5, false), expected = new float[rows * n], actual = new float[rows * n];
        foreach (QuantisedFormat format in Formats)
        {
            using PackedMatrix matrix = Pack(format, weights, n, k, QuantisedKernels.Best);
            fixed (float* pa = a, pe = expected, pc = actual)
            {
                matrix.Multiply(pa, k, pe, n, rows);
                foreach (int threads in (int[])[1, 2, 5])
                {
                    using WorkerPool pool = new(threads);
                    matrix.Multiply(pool, pa, k, pc, n, rows);
                    Assert.Equal(expected, actual);
                    Array.Clear(actual);
                }

                for (int row = 0; row < rows; row++)
                {
                    matrix.Multiply(pa + (row * k), k, pc + (row * n), n, 1);
                }
            }

            Assert.Equal(expected, actual);
        }
    }

    [Fact]
    public void A_product_allocates_nothing()
    {
        float[] a = Values(20 * 256, 6, false), c = new float[20 * 64];
        foreach (QuantisedFormat format in Formats)
        {
            using PackedMatrix matrix = Pack(format, Values(64 * 256, 7, false), 64, 256, QuantisedKernels.Best);
            fixed (float* pa = a, pc = c)
            {
                matrix.Multiply(WorkerPool.Shared, pa, 256, pc, 64, 20);
                long before = GC.GetAllocatedBytesForCurrentThread();
                matrix.Multiply(pa, 256, pc, 64, 1);
                matrix.Multiply(pa, 256, pc, 64, 20);
                matrix.Multiply(WorkerPool.Shared, pa, 256, pc, 64, 20);
                Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
            }
        }
    }

    /// <summary>The activations' rounding is at most half a step of 1/127 of the largest value they share a scale with.</summary>
    [Fact]
    public void A_product_differs_from_single_precision_by_the_activations_rounding_only() =>
        Gen.Select(Gen.Int[1, 40], Gen.Int[1, 600], Gen.Int[0, 2], Gen.ULong).Sample(
            (n, k, format, seed) =>
            {
                float[] a = Values(k, seed, false), c = new float[n], row = new float[k];
                using PackedMatrix matrix = Pack(Formats[format], Values(n * k, seed + 1, false), n, k, QuantisedKernels.Best);
                fixed (float* pa = a, pc = c, prow = row)
                {
                    matrix.Multiply(pa, k, pc, n, 1);
                    for (int output = 0; output < n; output++)
                    {
                        matrix.CopyRow(output, prow);
                        double exact = row.Zip(a, (w, x) => (double)w * x).Sum(), bound = row.Sum(w => Math.Abs((double)w)) * a.Max(Math.Abs) / 254;
                        Assert.InRange(c[output], exact - (1.01 * bound) - 1e-3, exact + (1.01 * bound) + 1e-3);
                    }
                }
            },
            iter: 60);

    [Fact]
    public void Not_a_number_stays_visible()
    {
        float[] a = Values(300, 8, false), c = new float[20];
        a[270] = float.NaN;
        foreach (QuantisedFormat format in Formats)
        {
            using PackedMatrix matrix = Pack(format, Values(20 * 300, 9, false), 20, 300, QuantisedKernels.Best);
            fixed (float* pa = a, pc = c)
            {
                matrix.Multiply(pa, 300, pc, 20, 1);
            }

            Assert.All(c, value => Assert.True(float.IsNaN(value)));
        }
    }

    internal static PackedMatrix Pack(QuantisedFormat format, float[] weights, int n, int k, QuantisedKernels width)
    {
        PackedMatrix matrix = new(n, k, format.Storage, KernelSet.Best, width);
        int cut = n / 3;
        matrix.SetRows(cut, weights.AsSpan(cut * k), WorkerPool.Shared);
        matrix.SetRows(0, weights.AsSpan(0, cut * k), WorkerPool.Shared);
        return matrix;
    }

    private static float[] Reference(PackedMatrix matrix, float[] a, float[] before, int rows, bool accumulate)
    {
        float[] expected = [.. before];
        int n = matrix.N, k = matrix.K;
        QuantisedFormat format = matrix.Quantised.Format;
        byte[] encoded = new byte[Activations.RowBytes(format, k)];
        fixed (byte* pe = encoded)
        fixed (float* pa = a)
        {
            for (int row = 0; row < rows; row++)
            {
                Activations.Encode(format, pa + (row * k), k, pe);
                for (int output = 0; output < n; output++)
                {
                    byte* panel = matrix.Quantised.Panel(output / QuantisedFormat.PanelRows);
                    ref float target = ref expected[(row * (n + 3)) + output];
                    target = Scalar.Product(format, panel, output % QuantisedFormat.PanelRows, pe, format.Units(k), accumulate ? target : 0);
                }
            }
        }

        return expected;
    }

    /// <summary>Normal values of very different size, or only the extremes of one size.</summary>
    private static float[] Values(int count, ulong seed, bool extreme)
    {
        SeededRandom random = Seed.Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => extreme ? (random.NextInt(4) - 1.5f > 0 ? 1f : -1f) : (float)random.NextNormal())];
    }
}
