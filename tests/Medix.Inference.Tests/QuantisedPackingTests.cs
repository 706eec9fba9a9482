using CsCheck;
using Medix.Inference.Kernels;
using Medix.Inference.Kernels.Quantised;
using Medix.Runs;

namespace Medix.Inference.Tests;

[Trait("Machine", "Any")]
public unsafe class QuantisedPackingTests
{
    [Fact]
    public void Formats_have_the_bits_per_weight_they_promise()
    {
        Assert.Equal(4.5, Bits(WeightStorage.Q4));
        Assert.Equal(4.625, Bits(WeightStorage.Q4K));
        Assert.Equal(8.5, Bits(WeightStorage.Q8));

        static double Bits(WeightStorage storage)
        {
            using PackedMatrix matrix = new(64, 2048, storage);
            return matrix.Bytes * 8.0 / (64 * 2048);
        }
    }

    [Fact]
    public void Values_on_the_grid_come_back_exactly() =>
        Gen.Select(Gen.Int[1, 40], Gen.Int[1, 12], Gen.ULong).Sample(
            (n, blocks, seed) =>
            {
                SeededRandom random = Seed.Random(seed);
                int k = blocks * 32;
                float[] four = new float[n * k], eight = new float[n * k];
                for (int block = 0; block < n * blocks; block++)
                {
                    // A power of two is a half-precision scale; the end of the range that says which scale it is must occur.
                    float scale = MathF.ScaleB(1, random.NextInt(12) - 9);
                    for (int i = 0; i < 32; i++)
                    {
                        four[(block * 32) + i] = scale * (i == 7 ? -8 : random.NextInt(16) - 8);
                        eight[(block * 32) + i] = scale * (i == 9 ? 127 : random.NextInt(255) - 127);
                    }
                }

                Assert.Equal(four, RoundTrip(WeightStorage.Q4, four, n, k));
                Assert.Equal(eight, RoundTrip(WeightStorage.Q8, eight, n, k));
            },
            iter: 40);

    [Fact]
    public void Errors_stay_below_what_each_format_promises()
    {
        const int n = 64, k = 512;
        float[] even = Normal(n * k, 1), lopsided = [.. even.Select(x => MathF.Exp(0.7f * x))];
        Assert.InRange(RelativeError(WeightStorage.Q8, even, n, k), 1e-4, 0.006);
        Assert.InRange(RelativeError(WeightStorage.Q4, even, n, k), 0.03, 0.082);
        Assert.InRange(RelativeError(WeightStorage.Q4K, even, n, k), 0.03, 0.072);
        Assert.True(RelativeError(WeightStorage.Q4K, lopsided, n, k) < 0.8 * RelativeError(WeightStorage.Q4, lopsided, n, k));
    }

    [Fact]
    public void Important_inputs_lose_less()
    {
        const int n = 32, k = 256;
        float[] weights = Normal(n * k, 2), importance = [.. Enumerable.Range(0, k).Select(i => i % 4 == 0 ? 100f : 1f)];
        foreach (WeightStorage storage in (WeightStorage[])[WeightStorage.Q4, WeightStorage.Q4K])
        {
            float[] plain = RoundTrip(storage, weights, n, k), aware = RoundTrip(storage, weights, n, k, importance);
            Assert.True(Error(aware) < 0.8 * Error(plain), $"{storage}: {Error(aware)} against {Error(plain)}");

            double Error(float[] actual) => weights.Zip(actual).Where((_, i) => i % 4 == 0).Sum(pair => Math.Pow(pair.First - pair.Second, 2));
        }
    }

    [Fact]
    public void Zeros_and_single_values_are_packed_and_importances_are_counted()
    {
        foreach (WeightStorage storage in (WeightStorage[])[WeightStorage.Q4, WeightStorage.Q4K, WeightStorage.Q8])
        {
            Assert.All(RoundTrip(storage, new float[3 * 70], 3, 70), value => Assert.Equal(0, value));
            float[] one = new float[100];
            one[99] = -0.37f;
            Assert.Equal(-0.37f, RoundTrip(storage, one, 1, 100)[99], 1e-3f);
            using PackedMatrix matrix = new(2, 8, storage);
            Assert.Throws<ArgumentException>(() => matrix.SetRows(0, new float[16], WorkerPool.Shared, new float[7]));
        }
    }

    private static double RelativeError(WeightStorage storage, float[] weights, int n, int k)
    {
        float[] actual = RoundTrip(storage, weights, n, k);
        return Math.Sqrt(weights.Zip(actual, (x, y) => Math.Pow(x - y, 2)).Sum() / weights.Sum(x => (double)x * x));
    }

    private static float[] RoundTrip(WeightStorage storage, float[] weights, int n, int k, float[]? importance = null)
    {
        using PackedMatrix matrix = new(n, k, storage);
        matrix.SetRows(0, weights, WorkerPool.Shared, importance);
        float[] result = new float[n * k];
        fixed (float* target = result)
        {
            for (int output = 0; output < n; output++)
            {
                matrix.CopyRow(output, target + (output * k));
            }
        }

        return result;
    }

    private static float[] Normal(int count, ulong seed)
    {
        SeededRandom random = Seed.Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)random.NextNormal())];
    }
}
