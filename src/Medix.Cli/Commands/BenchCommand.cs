using System.CommandLine;
using System.Text.Json;
using Medix.Inference.Kernels;
using Medix.Inference.Measuring;
using Medix.Inference.Packed;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Weights;
using Medix.Weights.Creation;

namespace Medix.Cli.Commands;

/// <summary><c>medix bench</c>: how fast a model is on this machine, beside what the machine gives at most.</summary>
internal static class BenchCommand
{
    public static Command Create()
    {
        var model = new Argument<string>("model")
        {
            Description = $"Model folder, packed or GGUF file, or a shape with weights made up for the measurement: {string.Join(", ", ModelPresets.Names)}",
        };
        Option<WeightStorage?> storage = SharedOptions.Storage("fp32, bf16, q8, q4k or q4; of a shape q4, of a checkpoint bf16 unless given; a packed model has its own");
        Option<KeyValueStorage?> kv = SharedOptions.KeysAndValues();
        Option<int> rounds = SharedOptions.Number("--rounds", "Rounds that count", 5, count => count is >= 1 and <= 1000, "1 to 1000 rounds");
        Option<int> prefill = SharedOptions.Number("--prefill", "Tokens of the prompt, 0 to leave it out", 512, count => count >= 0, "0 (off) or more");
        Option<int> tokens = SharedOptions.Number("--tokens", "Tokens that one stream draws", 128, count => count >= 1, "a whole number of at least 1");
        Option<int> context = SharedOptions.Number(
            "--context", "Tokens before those that are drawn, whose keys and values each of them reads", new BenchmarkOptions().ContextTokens, count => count >= 1,
            "a whole number of at least 1");
        Option<Worded<int[]>> batches = SharedOptions.Numbers("--batch", "Numbers of streams together", [4, 16], count => count is >= 1 and <= 256, "1 to 256");
        Option<int> image = SharedOptions.Number("--image", "Side of the square picture in pixels, 0 to leave it out", 448, side => side >= 0, "0 (off) or more");
        Option<int> threads = SharedOptions.Threads();
        var text = new Option<bool>("--text-only") { Description = "Of a shape, the decoder alone" };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("bench", "Measure a model's speed and memory beside this machine's ceilings")
        {
            model, storage, kv, rounds, prefill, tokens, context, batches, image, threads, text, json,
        };
        command.SetAction((parsed, token) => Task.Run(
            () =>
            {
                int count = parsed.GetValue(threads);
                BenchmarkOptions options = new(
                    parsed.GetValue(rounds), parsed.GetValue(prefill), parsed.GetValue(tokens), parsed.GetValue(batches).Value, parsed.GetValue(image),
                    ContextTokens: parsed.GetValue(context));
                string name = parsed.GetValue(model)!;
                Qwen3VLConfig shape = ModelPresets.Find(name) is { } preset
                    ? parsed.GetValue(text) ? preset with { Vision = null } : preset
                    : ModelFolder.ShapeOf(ModelPath.Of(name));
                ModelBenchmark.Require(shape, options);
                using var interrupt = new InterruptSignal(() => { });
                using WorkerPool pool = new(count == 0 ? Machine.PhysicalCores : count);
                Console.Error.WriteLine("Loading…");
                long start = System.Diagnostics.Stopwatch.GetTimestamp();
                using Qwen3VLModel loaded = Load(name, parsed.GetValue(storage), parsed.GetValue(kv), parsed.GetValue(text), pool);
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"ready in {System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s"));
                BenchmarkReport report = ModelBenchmark.Run(
                    loaded, options, round => Console.Error.WriteLine(round == 0 ? "warmed up" : $"round {round} of {options.Rounds} done"), interrupt.Token);
                Print(report, parsed.GetValue(json));
                return ExitCode.Success;
            },
            token));
        return command;
    }

    private static Qwen3VLModel Load(string name, WeightStorage? storage, KeyValueStorage? keysAndValues, bool textOnly, WorkerPool pool)
    {
        if (ModelPresets.Find(name) is not { } config)
        {
            return ModelFolder.OpenModel(ModelPath.Of(name), storage, pool, keysAndValues);
        }

        config = textOnly ? config with { Vision = null } : config;
        return Qwen3VLModel.FromReader(config, StoragePlan.For(storage ?? WeightStorage.Q4), SyntheticWeights.Of(config), pool, keysAndValues);
    }

    private static void Print(BenchmarkReport report, bool json)
    {
        if (json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(report, EventLog.Lines));
            return;
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Threads} threads, kernels of {report.Kernels}; "
            + $"weights {report.WeightBytes / 1e9:0.00} GB, {report.BytesPerToken / 1e9:0.000} GB read per token; "
            + $"keys and values {report.KeysAndValues.ToString().ToLowerInvariant()}, {report.KeyValueBytesPerToken / 1e3:0.0} kB per token; "
            + $"peak {report.PeakBytes / 1e9:0.00} GB"));
        int width = report.Figures.Max(figure => figure.Name.Length);
        foreach (Measurement figure in report.Figures)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{figure.Name.PadRight(width)}  {figure.Median,9:0.00} {figure.Unit,-6} [{figure.Low:0.00}, {figure.High:0.00}]"));
        }

        Console.WriteLine($"Median and range of {report.Figures[0].Rounds} rounds; ratios are taken within a round.");
    }
}
