using CsCheck;
using Medix.Inference.Kernels;
using Medix.Runs;

namespace Medix.Inference.Tests;

[Trait("Machine", "Any")]
public unsafe class GemmTests
{
    private static readonly KernelSet[] Widths = [KernelSet.Width512, KernelSet.Width256, KernelSet.Width128];

    [Fact]
    public void Every_width_and_form_equals_the_scalar_product_for_any_sizes() =>
        Gen.Select(Gen.Int[0, 70], Gen.Int[0, 120], Gen.Int[0, 300], Gen.Int[0, 2], Gen.Bool, Gen.Bool, Gen.ULong)
            .Sample(
                (m, n, k, form, accumulate, biased, seed) =>
                {
                    foreach (KernelSet width in Widths)
                    {
                        Check(width, m, n, k, form, accumulate, biased, seed);
                    }
                },
                iter: 150);

    [Fact]
    public void Packing_block_by_block_changes_no_bit() =>
        Gen.Select(Gen.Int[1, 40], Gen.Int[1, 200], Gen.Int[1, 1200], Gen.Bool).Sample(
            (m, n, k, transposed) =>
            {
                float[] a = Random(m * k, 1), b = Random(n * k, 2), whole = new float[m * n], blocked = new float[m * n];
                fixed (float* pa = a, pb = b, pwhole = whole, pblocked = blocked)
                {
                    Gemm.Multiply(WorkerPool.Shared, KernelSet.Best, new(pa, k, 1, pb, transposed ? k : n, transposed, pwhole, n, m, n, k, false, null));
                    Gemm.Multiply(WorkerPool.Shared, KernelSet.Best, new(pa, k, 1, pb, transposed ? k : n, transposed, pblocked, n, m, n, k, false, null), 256, 20_000);
                }

                Assert.Equal(whole, blocked);
            },
            iter: 40);

    [Fact]
    public void A_bfloat16_operand_equals_the_same_numbers_in_single_precision() =>
        Gen.Select(Gen.Int[1, 40], Gen.Int[1, 120], Gen.Int[1, 300], Gen.Bool, Gen.Bool).Sample(
            (m, n, k, transposed, accumulate) =>
            {
                float[] a = Random(m * k, 3), c = Random(m * n, 5), expected = [.. c];
                ushort[] half = [.. Random(n * k, 4).Select(BFloat16Format.Round)];
                float[] wide = [.. half.Select(BFloat16Format.ToSingle)];
                int ldb = transposed ? k : n;
                fixed (float* pa = a, pwide = wide, pc = c, pexpected = expected)
                fixed (ushort* phalf = half)
                {
                    if (transposed)
                    {
                        Gemm.NT(WorkerPool.Shared, pa, k, phalf, ldb, pc, n, m, n, k, accumulate);
                        Gemm.NT(WorkerPool.Shared, pa, k, pwide, ldb, pexpected, n, m, n, k, accumulate);
                    }
                    else
                    {
                        Gemm.NN(WorkerPool.Shared, pa, k, phalf, ldb, pc, n, m, n, k, accumulate);
                        Gemm.NN(WorkerPool.Shared, pa, k, pwide, ldb, pexpected, n, m, n, k, accumulate);
                    }
                }

                AssertClose(expected, c);
            },
            iter: 60);

    [Fact]
    public void The_number_of_threads_does_not_change_a_bit()
    {
        float[] one = Product(1), two = Product(2), five = Product(5);
        Assert.Equal(one, two);
        Assert.Equal(one, five);

        static float[] Product(int threads)
        {
            using WorkerPool pool = new(threads);
            float[] a = Random(203 * 517, 1), b = Random(95 * 517, 2), c = new float[203 * 95];
            fixed (float* pa = a, pb = b, pc = c)
            {
                Gemm.NT(pool, pa, 517, pb, 517, pc, 95, 203, 95, 517);
            }

            return c;
        }
    }

    [Fact]
    public void A_row_does_not_depend_on_the_rows_beside_it()
    {
        foreach (KernelSet width in Widths)
        {
            using PackedMatrix matrix = new(83, 77, WeightStorage.Fp32, width);
            matrix.SetRows(0, Random(83 * 77, 3), WorkerPool.Shared);
            float[] a = Random(11 * 77, 4), all = new float[11 * 83], alone = new float[83];
            fixed (float* pa = a, pall = all, palone = alone)
            {
                matrix.Multiply(pa, 77, pall, 83, 11);
                for (int row = 0; row < 11; row++)
                {
                    matrix.Multiply(pa + (row * 77), 77, palone, 83, 1);
                    Assert.Equal(all.AsSpan(row * 83, 83).ToArray(), alone);
                }
            }
        }
    }

    [Fact]
    public void Packed_weights_stack_and_round_to_their_storage() =>
        Gen.Select(Gen.Int[1, 90], Gen.Int[1, 60], Gen.Int[1, 70], Gen.Int[1, 20], Gen.Bool).Sample(
            (first, second, k, rows, half) =>
            {
                float[] top = Random(first * k, 5), bottom = Random(second * k, 6), a = Random(rows * k, 7);
                foreach (KernelSet width in Widths)
                {
                    using PackedMatrix matrix = new(first + second, k, half ? WeightStorage.Bf16 : WeightStorage.Fp32, width);
                    matrix.SetRows(first, bottom, WorkerPool.Shared);
                    matrix.SetRows(0, top, WorkerPool.Shared);
                    float[] actual = new float[rows * (first + second)];
                    fixed (float* pa = a, pc = actual)
                    {
                        matrix.Multiply(pa, k, pc, first + second, rows);
                    }

                    float[] weights = [.. top, .. bottom];
                    if (half)
                    {
                        weights = [.. weights.Select(w => BFloat16Format.ToSingle(BFloat16Format.Round(w)))];
                    }

                    AssertClose(Reference(rows, first + second, k, (i, p) => a[(i * k) + p], (p, j) => weights[(j * k) + p]), actual);
                }
            },
            iter: 60);

    private static void Check(KernelSet width, int m, int n, int k, int form, bool accumulate, bool biased, ulong seed)
    {
        int lda = (form == 2 ? m : k) + 3, ldb = (form == 0 ? k : n) + 1, ldc = n + 2;
        float[] a = Random((form == 2 ? k : m) * lda, seed), b = Random((form == 0 ? n : k) * ldb, seed + 1), bias = Random(n + 1, seed + 2);
        float[] c = Random(m * ldc, seed + 3), before = [.. c];
        using WorkerPool pool = new(2);
        fixed (float* pa = a, pb = b, pc = c, pbias = bias)
        {
            (nint row, nint step) = form == 2 ? (1, lda) : (lda, 1);
            Gemm.Multiply(pool, width, new Gemm.Operands(pa, row, step, pb, ldb, form == 0, pc, ldc, m, n, k, accumulate, biased ? pbias : null));
        }

        float[] expected = Reference(
            m, n, k, (i, p) => form == 2 ? a[(p * lda) + i] : a[(i * lda) + p], (p, j) => form == 0 ? b[(j * ldb) + p] : b[(p * ldb) + j]);
        float[] actual = new float[m * n];
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                actual[(i * n) + j] = c[(i * ldc) + j];
                expected[(i * n) + j] += (accumulate ? before[(i * ldc) + j] : 0) + (biased ? bias[j] : 0);
            }

            Assert.Equal(before.AsSpan((i * ldc) + n, 2).ToArray(), c.AsSpan((i * ldc) + n, 2).ToArray());
        }

        AssertClose(expected, actual);
    }

    private static float[] Reference(int m, int n, int k, Func<int, int, float> a, Func<int, int, float> b)
    {
        float[] c = new float[m * n];
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                double sum = 0;
                for (int p = 0; p < k; p++)
                {
                    sum += (double)a(i, p) * b(p, j);
                }

                c[(i * n) + j] = (float)sum;
            }
        }

        return c;
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(Math.Abs(expected[i] - actual[i]) < 1e-4, $"[{i}] is {actual[i]}, expected {expected[i]}");
        }
    }

    private static float[] Random(int count, ulong seed)
    {
        SeededRandom random = Seed.Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)random.NextNormal())];
    }
}
