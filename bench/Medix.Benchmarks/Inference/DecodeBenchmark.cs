using System.Diagnostics;
using System.Globalization;
using System.Runtime.Intrinsics;
using Medix.Inference.Generation;
using Medix.Inference.Kernels;
using Medix.Inference.Kernels.Quantised;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Text;
using Medix.Weights;

namespace Medix.Benchmarks.Inference;

/// <summary>
/// <c>decode [--shape 2b] [--storage q4] [--rounds 5] [--threads N]</c>: one stream, batch 16 and prefill at a model's true text shape with random weights, beside what the
/// machine can do at all, measured in the same rounds: memory read on all threads, and the 4-bit tile with everything in the nearest cache, on one core times cores.
/// </summary>
internal static unsafe class DecodeBenchmark
{
    private const int DecodeTokens = 128;
    private const int PrefillTokens = 512;
    private const int Batch = 16;
    private const int BatchTokens = 32;

    public static int Run(string[] args)
    {
        if (Option(args, "--shape", "2b") is not "2b" || !Enum.TryParse(Option(args, "--storage", "q4"), true, out WeightStorage storage))
        {
            Console.Error.WriteLine("Usage: Medix.Benchmarks decode [--shape 2b] [--storage q4|q4k|q8|bf16] [--rounds N] [--threads N]");
            return 2;
        }

        int rounds = int.Parse(Option(args, "--rounds", "5"), CultureInfo.InvariantCulture);
        using WorkerPool pool = new(int.Parse(Option(args, "--threads", "0"), CultureInfo.InvariantCulture) is > 0 and int threads ? threads : Machine.PhysicalCores);
        Qwen3VLConfig config = BenchmarkModels.Text2B;
        long start = Stopwatch.GetTimestamp();
        using Qwen3VLModel model = Qwen3VLModel.FromReader(config, StoragePlan.For(storage), BenchmarkModels.Noise(config), pool);
        long bytes = model.BytesPerToken;
        Console.WriteLine(Text(
            $"{storage}: packed in {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s; a token reads {bytes / 1e6:0} MB of weights"));
        Console.WriteLine(Text($"kernels {QuantisedKernels.Best.Name}, {pool.Threads} threads"));
        Figure product = new("head x 1 row, GB/s"), small = new("6144x2048 x 1 row, GB/s");
        Figure read = new("memory read, GB/s"), tile = new("4-bit tile x cores, GOP/s"), decode = new("decode, tok/s");
        Figure prefill = new("prefill 512, tok/s"), batch = new("batch 16, tok/s");
        Figure toRead = new("decode bytes / read"), toTile = new("prefill / tile ceiling"), toOne = new("batch 16 / one stream");
        using Ceilings ceilings = new(pool);
        double operations = 2.0 * model.ProductsPerToken;
        for (int round = 0; round < rounds + 1; round++)
        {
            double gigabytes = ceilings.Read(), one = Stream(model, 1, 16, DecodeTokens), again = ceilings.Read(), peak = ceilings.Tile();
            double rows = Prefill(model), peakAfter = ceilings.Tile(), sixteen = Stream(model, Batch, 16, BatchTokens);
            if (round == 0)
            {
                continue;
            }

            gigabytes = (gigabytes + again) / 2;
            peak = (peak + peakAfter) / 2;
            product.Add(ceilings.Row(151936));
            small.Add(ceilings.Row(6144));
            read.Add(gigabytes);
            tile.Add(peak);
            decode.Add(one);
            prefill.Add(rows);
            batch.Add(sixteen);
            toRead.Add(one * bytes / 1e9 / gigabytes);
            toTile.Add(rows * operations / 1e9 / peak);
            toOne.Add(sixteen / one);
        }

        foreach (Figure figure in (Figure[])[product, small, read, tile, decode, prefill, batch, toRead, toTile, toOne])
        {
            Console.WriteLine(figure.Row);
        }

        return 0;
    }

    private static string Option(string[] args, string name, string otherwise)
    {
        int at = Array.IndexOf(args, name);
        return at >= 0 && at + 1 < args.Length ? args[at + 1] : otherwise;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>Tokens per second of all streams together, from the first token on: the prompts' time is left out.</summary>
    private static double Stream(Qwen3VLModel model, int streams, int prompt, int tokens)
    {
        long first = 0, last = 0;
        BatchedGenerator generator = new(model, streams)
        {
            ObserveLogits = (_, count, _) =>
            {
                last = Stopwatch.GetTimestamp();
                first = count == 0 ? last : first;
            },
        };
        SeededRandom random = Seed.Random(7);
        GenerationRequest[] requests = [.. Enumerable.Range(0, streams).Select(i => new GenerationRequest(Prompt(model, prompt, random), [(ulong)i]))];
        generator.Generate(requests, new SamplingOptions(tokens + 1, 0));
        return (double)streams * tokens / Stopwatch.GetElapsedTime(first, last).TotalSeconds;
    }

    private static double Prefill(Qwen3VLModel model)
    {
        GenerationRequest request = new(Prompt(model, PrefillTokens, Seed.Random(8)), [1]);
        long start = Stopwatch.GetTimestamp();
        new BatchedGenerator(model, 1).Generate([request], new SamplingOptions(1, 0));
        return PrefillTokens / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static ModelInput Prompt(Qwen3VLModel model, int tokens, SeededRandom random) =>
        new([.. Enumerable.Range(0, tokens).Select(_ => random.NextInt(model.Config.Text.VocabularySize))], [], []);

    private sealed class Figure(string name)
    {
        private readonly List<double> values = [];

        public string Row
        {
            get
            {
                double[] sorted = [.. values.Order()];
                return Text($"{name,-28} median {sorted[sorted.Length / 2],8:0.00}   range {sorted[0],8:0.00} … {sorted[^1],8:0.00}");
            }
        }

        public void Add(double value) => values.Add(value);
    }

    /// <summary>What the machine gives at most.</summary>
    private sealed class Ceilings(WorkerPool pool) : IDisposable
    {
        private const long ReadBytes = 1L << 30;
        private const int ReadChunk = 1 << 20;
        private const int TileRounds = 4000;
        private readonly AlignedMemory memory = new(ReadBytes);
        private readonly AlignedMemory panel = new(1 << 20);

        public double Read()
        {
            nint bytes = (nint)memory.Bytes;
            double best = double.PositiveInfinity;
            for (int i = 0; i < 3; i++)
            {
                best = Math.Min(best, Seconds(&Sum, &bytes, (int)(ReadBytes / ReadChunk)));
            }

            return ReadBytes / 1e9 / best;
        }

        /// <summary>One core's best of several short tries, times the threads.</summary>
        public double Tile()
        {
            nint bytes = (nint)panel.Bytes;
            double best = double.PositiveInfinity;
            for (int i = 0; i < 8; i++)
            {
                long start = Stopwatch.GetTimestamp();
                Multiply(&bytes, 0, 0);
                best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
            }

            int rows = QuantisedKernels.Best.TileRows;
            return 2.0 * rows * QuantisedFormat.PanelRows * 512 * TileRounds / best / 1e9 * pool.Threads;
        }

        /// <summary>A 4-bit weight [n, 2048] times one row, again and again: median of 11 times about 175 MB.</summary>
        public double Row(int n)
        {
            using PackedMatrix matrix = new(n, 2048, WeightStorage.Q4);
            using AlignedMemory a = AlignedMemory.OfFloats(2048), c = AlignedMemory.OfFloats(n);
            int times = 151936 / n;
            List<double> all = [];
            for (int i = 0; i < 11; i++)
            {
                long start = Stopwatch.GetTimestamp();
                for (int j = 0; j < times; j++)
                {
                    matrix.Multiply(pool, a.Floats, 2048, c.Floats, n, 1);
                }

                all.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            }

            all.Sort();
            return matrix.Bytes * times / 1e9 / all[5];
        }

        public void Dispose()
        {
            memory.Dispose();
            panel.Dispose();
        }

        private double Seconds(delegate*<void*, int, int, void> job, void* state, int chunks)
        {
            long start = Stopwatch.GetTimestamp();
            pool.Run(job, state, chunks);
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        private static void Sum(void* state, int chunk, int worker)
        {
            byte* from = *(byte**)state + ((long)chunk * ReadChunk);
            Vector512<long> a = default, b = default, c = default, d = default;
            for (int i = 0; i < ReadChunk; i += 256)
            {
                a += Vector512.Load((long*)(from + i));
                b += Vector512.Load((long*)(from + i + 64));
                c += Vector512.Load((long*)(from + i + 128));
                d += Vector512.Load((long*)(from + i + 192));
            }

            if (Vector512.Sum(a + b + c + d) != 0)
            {
                throw new InvalidOperationException("Cleared memory is not zero.");
            }
        }

        private static void Multiply(void* state, int chunk, int worker)
        {
            byte* memory = *(byte**)state;
            FormatKernels kernels = QuantisedKernels.Best.Of(QuantisedFormat.Q4);
            QuantisedTile tile = new()
            {
                Panel = memory,
                A = memory + 65536,
                AStride = 640,
                C = (float*)(memory + 131072),
                CStride = QuantisedFormat.PanelRows,
                Units = 512 / Q4Packing.UnitSteps,
                Rows = QuantisedKernels.Best.TileRows,
                Accumulate = false,
                Ahead = memory,
            };
            for (int i = 0; i < TileRounds; i++)
            {
                kernels.Tile(tile);
            }
        }
    }
}
