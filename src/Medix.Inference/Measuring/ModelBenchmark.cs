using System.Diagnostics;
using System.Globalization;
using Medix.Imaging;
using Medix.Inference.Generation;
using Medix.Inference.Kernels;
using Medix.Inference.Kernels.Quantised;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Text;
using Medix.Weights;

namespace Medix.Inference.Measuring;

/// <summary>
/// Speeds of a model: reading a prompt, drawing tokens in one stream and in several, a picture to the first token. Every figure is taken once a round, with the machine's
/// ceilings measured before and after it, so that figures of one round can be divided by each other though a shared machine is now fast and now slow.
/// </summary>
public sealed class ModelBenchmark
{
    private const int BatchTokens = 32;
    private const int MostRounds = 1000;
    private readonly Qwen3VLModel model;
    private readonly BenchmarkOptions options;
    private readonly CancellationToken cancellationToken;
    private readonly OrderedDictionary<string, (string Unit, List<double> Values)> figures = [];

    private ModelBenchmark(Qwen3VLModel model, BenchmarkOptions options, CancellationToken cancellationToken)
    {
        this.cancellationToken = cancellationToken;
        this.model = model;
        this.options = options;
    }

    /// <summary>Measures. <paramref name="progress"/> is told of rounds done; throws <see cref="OperationCanceledException"/> between two passes of the model.</summary>
    /// <exception cref="MedixException">An option is out of its range.</exception>
    public static BenchmarkReport Run(Qwen3VLModel model, BenchmarkOptions options, Action<int>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        Require(model.Config, options);
        ModelBenchmark benchmark = new(model, options, cancellationToken);
        using MachineCeilings ceilings = new(model.Pool);
        for (int round = 0; round <= options.Rounds; round++)
        {
            benchmark.Round(ceilings);
            if (round == 0)
            {
                benchmark.figures.Clear();
            }

            progress?.Invoke(round);
        }

        using Process process = Process.GetCurrentProcess();
        return new BenchmarkReport(
            model.Pool.Threads, QuantisedKernels.Best.Name, model.WeightBytes, model.BytesPerToken, model.KeysAndValues, model.KeyValueBytesPerToken, process.PeakWorkingSet64,
            [.. benchmark.figures.Select(figure => Measurement.Of(figure.Key, figure.Value.Unit, figure.Value.Values))]);
    }

    /// <summary>Throws where an option does not fit a model of this shape, so that this is known before its weights are there.</summary>
    /// <exception cref="MedixException">The message names the option and its range.</exception>
    public static void Require(Qwen3VLConfig config, BenchmarkOptions options)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(options);
        Require(options.Rounds is >= 1 and <= MostRounds, "rounds", options.Rounds, $"1 to {MostRounds}");
        int limit = config.Text.MaxPositions;
        Require(options.PrefillTokens >= 0 && options.PrefillTokens < limit, "prefill tokens", options.PrefillTokens, $"0 (off) to {limit - 1}");
        Require(options.ContextTokens >= 1 && options.ContextTokens < limit - 1, "context tokens", options.ContextTokens, $"1 to {limit - 2}");
        int room = limit - options.ContextTokens - 1;
        Require(options.DecodeTokens >= 1 && options.DecodeTokens <= room, "decode tokens", options.DecodeTokens, $"1 to {room}");
        foreach (int batch in options.Batches ?? [])
        {
            Require(batch is >= 1 and <= 256, "batch", batch, "1 to 256");
        }

        if (config.Vision is { } vision)
        {
            // A square picture of n units a side is n² tokens, with two that mark it and the text; what is drawn after them needs one more.
            int unit = vision.PatchSize * vision.SpatialMergeSize, most = unit * (int)Math.Sqrt(Math.Max(0, limit - options.ImageTextTokens - 3));
            bool fits = options.ImageSide >= 0 && options.ImageSide <= most && options.ImageSide % unit == 0;
            Require(fits, "image side", options.ImageSide, $"0 (off) or a multiple of {unit} up to {most}, which is what the model's {limit} positions hold");
        }

        static void Require(bool holds, string name, int value, string expected)
        {
            if (!holds)
            {
                throw new MedixException(string.Create(CultureInfo.InvariantCulture, $"Benchmark option {name} is {value}, expected {expected}."));
            }
        }
    }

    private void Round(MachineCeilings ceilings)
    {
        double read = ceilings.Read(), one = Stream(1, options.DecodeTokens);
        read = (read + ceilings.Read()) / 2;
        Add("memory read", "GB/s", read);
        Add("decode, one stream", "tok/s", one);
        Add("decode: bytes read / memory read", "", one * model.BytesPerToken / 1e9 / read);
        cancellationToken.ThrowIfCancellationRequested();
        WeightStorage storage = model.Plan.GateUp;
        if (options.PrefillTokens > 0)
        {
            double tile = Ceiling(ceilings, storage), rows = Prefill();
            tile = (tile + Ceiling(ceilings, storage)) / 2;
            Add($"{storage} tile x threads", "GOP/s", tile);
            Add($"prefill {options.PrefillTokens}", "tok/s", rows);
            Add("prefill: products / tile", "", rows * 2.0 * model.ProductsPerToken / 1e9 / tile);
            cancellationToken.ThrowIfCancellationRequested();
        }

        foreach (int batch in options.Batches ?? [])
        {
            double all = Stream(batch, BatchTokens);
            Add($"decode, {batch} streams", "tok/s", all);
            Add($"decode, {batch} streams / one", "", all / one);
            cancellationToken.ThrowIfCancellationRequested();
        }

        if (model.Config.Vision is not null && options.ImageSide > 0)
        {
            MeasureImage();
        }
    }

    private void MeasureImage()
    {
        ModelInput input = WithImage();
        double first = Seconds(() => Draw([new GenerationRequest(input, [1])], 1));
        int patches = input.Grids[0].Patches;
        double tower = Seconds(() => model.EncodeImage(input.Patches, input.Grids[0]).Dispose());
        cancellationToken.ThrowIfCancellationRequested();
        double products = Seconds(() => ModelProducts.Run(model, patches, input.Tokens.Length));
        Add($"{options.ImageSide}x{options.ImageSide} picture + {options.ImageTextTokens} tokens to first token", "s", first);
        Add("of it the vision tower", "s", tower);
        VisionConfig vision = model.Config.Vision!;
        TextConfig text = model.Config.Text;
        using AttentionProducts seeing = new(model.Pool, patches, vision.Heads, 1, vision.Hidden / vision.Heads, causal: false, KeyValueStorage.Fp32);
        using AttentionProducts reading = new(
            model.Pool, input.Tokens.Length, text.KeyValueHeads, text.Heads / text.KeyValueHeads, text.HeadDim, causal: true, model.KeysAndValues);
        double attention = Seconds(() => seeing.Run(vision.Depth)) + Seconds(() => reading.Run(text.Layers));
        Add("first token / its weights' products alone", "", first / products);
        Add("first token / all its products alone", "", first / (products + attention));
    }

    private static double Ceiling(MachineCeilings ceilings, WeightStorage storage) =>
        QuantisedFormat.Of(storage) is null ? ceilings.SingleTile() : ceilings.Tile(storage);

    private void Add(string name, string unit, double value)
    {
        if (!figures.TryGetValue(name, out (string Unit, List<double> Values) figure))
        {
            figures[name] = figure = (unit, []);
        }

        figure.Values.Add(value);
    }

    /// <summary>Tokens per second of all streams together, from the first token on: the prompts' time is left out.</summary>
    private double Stream(int streams, int tokens)
    {
        long first = 0, last = 0;
        BatchedGenerator generator = new(model, streams)
        {
            ObserveLogits = (_, count, logits) =>
            {
                last = Stopwatch.GetTimestamp();
                first = count == 0 ? last : first;
                Unend(logits);
            },
        };
        SeededRandom random = Seed.Random(7);
        GenerationRequest[] requests = [.. Enumerable.Range(0, streams).Select(i => new GenerationRequest(Text(options.ContextTokens, random), [(ulong)i]))];
        generator.Generate(requests, new SamplingOptions(tokens + 1, 0), cancellationToken: cancellationToken);
        return (double)streams * tokens / Stopwatch.GetElapsedTime(first, last).TotalSeconds;
    }

    private double Prefill() => options.PrefillTokens / Seconds(() => Draw([new GenerationRequest(Text(options.PrefillTokens, Seed.Random(8)), [1])], 1));

    private void Draw(GenerationRequest[] requests, int tokens) => new BatchedGenerator(model, requests.Length).Generate(
        requests, new SamplingOptions(tokens, 0), cancellationToken: cancellationToken);

    /// <summary>A stream that ends early would be a shorter one.</summary>
    private void Unend(Span<float> logits)
    {
        foreach (int end in model.Config.EosTokenIds)
        {
            logits[end] = float.NegativeInfinity;
        }
    }

    private static double Seconds(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private ModelInput Text(int tokens, SeededRandom random) => new(Tokens(tokens, random), [], []);

    /// <summary>Token ids below the special ones.</summary>
    private int[] Tokens(int count, SeededRandom random)
    {
        int most = model.Config.Vision is null ? model.Config.Text.VocabularySize : Math.Min(model.Config.Text.VocabularySize, model.Config.VisionStartTokenId);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextInt(most))];
    }

    private ModelInput WithImage()
    {
        VisionConfig vision = model.Config.Vision!;
        SeededRandom random = Seed.Random(9);
        int side = options.ImageSide / vision.PatchSize;
        ImageGrid grid = new(1, side, side);
        int[] image = [.. Enumerable.Repeat(model.Config.ImageTokenId, grid.Patches / (vision.SpatialMergeSize * vision.SpatialMergeSize))];
        float[] patches = [.. Enumerable.Range(0, grid.Patches * vision.PatchLength).Select(_ => (float)random.NextDouble(-1, 1))];
        return new ModelInput(
            [model.Config.VisionStartTokenId, .. image, model.Config.VisionEndTokenId, .. Tokens(Math.Max(1, options.ImageTextTokens - 2), random)], patches, [grid]);
    }
}
