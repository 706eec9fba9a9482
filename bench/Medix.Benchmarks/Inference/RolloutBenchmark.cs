using System.Diagnostics;
using System.Globalization;
using Medix.Inference.Generation;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Weights;

namespace Medix.Benchmarks.Inference;

/// <summary>
/// <c>rollout [rounds]</c>: tokens per second of batched generation, batch 32, for the 5 M text decoder (prompt 64, 128 new) and the nano-like Qwen3-VL
/// (128 x 128 image and 40 tokens, 96 new), and the matrix products' ceiling in the same run. Rounds are interleaved; medians and best are printed.
/// </summary>
public static class RolloutBenchmark
{
    /// <summary>Runs the benchmark and prints its table.</summary>
    public static void Run(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        int rounds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 9;
        WorkerPool pool = WorkerPool.Shared;
        List<Measured> rows = [];
        foreach ((string name, int prompts, int draws) in (ReadOnlySpan<(string, int, int)>)[("4 prompts x 8 draws", 4, 8), ("32 prompts x 1 draw", 32, 1)])
        {
            rows.Add(new Measured($"5 M decoder, {name}", "tok/s", Rollout(BenchmarkModels.Decoder, pool, prompts, draws, 64, 128)));
            rows.Add(new Measured($"nano Qwen3-VL, {name}", "tok/s", Rollout(BenchmarkModels.Nano, pool, prompts, draws, 40, 96)));
        }

        rows.Add(new Measured("weights of the 5 M decoder replaced", "ms", Update(pool)));
        rows.Add(new Measured("2048³ product", "GFLOP/s", Product(pool, 2048, 2048, 2048)));
        rows.Add(new Measured("4352 x 704 x 256 product", "GFLOP/s", Product(pool, 4352, 704, 256)));
        for (int round = 0; round < rounds + 2; round++)
        {
            foreach (Measured row in rows)
            {
                double figure = row.Measure();
                if (round >= 2)
                {
                    row.Figures.Add(figure);
                }
            }
        }

        Console.WriteLine($"{pool.Threads} threads, {rounds} interleaved rounds after 2 of warm-up");
        foreach (Measured row in rows)
        {
            double[] sorted = [.. row.Figures.Order()];
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{row.Name,-40} median {sorted[sorted.Length / 2],9:N1}   range {sorted[0],9:N1} … {sorted[^1],9:N1} {row.Unit}"));
        }
    }

    private static Func<double> Rollout(Qwen3VLConfig config, WorkerPool pool, int prompts, int draws, int textTokens, int newTokens)
    {
        BatchedGenerator generator = new(BenchmarkModels.Create(config, pool), prompts * draws);
        IReadOnlyList<GenerationRequest> requests = BenchmarkModels.Prompts(config, prompts, draws, textTokens);
        return () =>
        {
            long start = Stopwatch.GetTimestamp();
            long tokens = generator.Generate(requests, new SamplingOptions(newTokens)).Sum(group => group.Sum(completion => (long)completion.Tokens.Length));
            return tokens / Stopwatch.GetElapsedTime(start).TotalSeconds;
        };
    }

    private static Func<double> Update(WorkerPool pool)
    {
        Dictionary<string, float[]> parameters = BenchmarkModels.RandomParameters(BenchmarkModels.Decoder);
        Qwen3VLModel model = Qwen3VLModel.FromParameters(BenchmarkModels.Decoder, name => parameters[name], WeightStorage.Fp32, pool);
        return () =>
        {
            long start = Stopwatch.GetTimestamp();
            model.UpdateWeights((name, from, values) => parameters[name].AsSpan((int)from, values.Length).CopyTo(values));
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        };
    }

    private static unsafe Func<double> Product(WorkerPool pool, int m, int n, int k)
    {
        AlignedMemory a = AlignedMemory.OfFloats((long)m * k), b = AlignedMemory.OfFloats((long)n * k), c = AlignedMemory.OfFloats((long)m * n);
        return () =>
        {
            long start = Stopwatch.GetTimestamp();
            Gemm.NT(pool, a.Floats, k, b.Floats, k, c.Floats, n, m, n, k);
            return 2.0 * m * n * k / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9;
        };
    }

    private sealed record Measured(string Name, string Unit, Func<double> Measure)
    {
        public List<double> Figures { get; } = [];
    }
}
