using System.CommandLine;
using System.Text.Json;
using Medix.Inference.Kernels;
using Medix.Inference.Measuring;
using Medix.Inference.Packed;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Weights.Creation;

namespace Medix.Cli.Commands;

/// <summary><c>medix bench</c>: how fast a model is on this machine, beside what the machine gives at most.</summary>
internal static class BenchCommand
{
    public static Command Create()
    {
        var model = new Argument<string>("model")
        {
            Description = $"Model folder, or a shape with weights made up for the measurement: {string.Join(", ", ModelPresets.Names)}",
        };
        var storage = new Option<WeightStorage?>("--storage") { Description = "fp32, bf16, q8, q4k or q4; of a shape q4, of a checkpoint bf16 unless given" };
        Option<KeyValueStorage> kv = SharedOptions.KeysAndValues();
        var rounds = new Option<int>("--rounds") { Description = "Rounds that count", DefaultValueFactory = _ => 5 };
        var prefill = new Option<int>("--prefill") { Description = "Tokens of the prompt, 0 to leave it out", DefaultValueFactory = _ => 512 };
        var tokens = new Option<int>("--tokens") { Description = "Tokens that one stream draws", DefaultValueFactory = _ => 128 };
        var context = new Option<int>("--context")
        {
            Description = "Tokens before those that are drawn, whose keys and values each of them reads", DefaultValueFactory = _ => new BenchmarkOptions().ContextTokens,
        };
        var batches = new Option<int[]>("--batch") { Description = "Numbers of streams together", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [4, 16] };
        var image = new Option<int>("--image") { Description = "Side of the square picture in pixels, 0 to leave it out", DefaultValueFactory = _ => 448 };
        var threads = new Option<int>("--threads") { Description = "Threads, 0 for one per core", DefaultValueFactory = _ => 0 };
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
                if (count is < 0 or > 1024)
                {
                    throw new MedixException($"--threads is {count}, expected 0 (one per core) to 1024.");
                }

                using var interrupt = new InterruptSignal(() => { });
                using WorkerPool pool = new(count == 0 ? Machine.PhysicalCores : count);
                Console.Error.WriteLine("Loading…");
                long start = System.Diagnostics.Stopwatch.GetTimestamp();
                using Qwen3VLModel loaded = Load(parsed.GetValue(model)!, parsed.GetValue(storage), parsed.GetValue(kv), parsed.GetValue(text), pool);
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"ready in {System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s"));
                BenchmarkOptions options = new(
                    parsed.GetValue(rounds), parsed.GetValue(prefill), parsed.GetValue(tokens), parsed.GetValue(batches), parsed.GetValue(image),
                    ContextTokens: parsed.GetValue(context));
                BenchmarkReport report = ModelBenchmark.Run(loaded, options, round => Console.Error.WriteLine($"round {round} of {options.Rounds} done"), interrupt.Token);
                Print(report, parsed.GetValue(json));
                return ExitCode.Success;
            },
            token));
        return command;
    }

    private static Qwen3VLModel Load(string name, WeightStorage? storage, KeyValueStorage keysAndValues, bool textOnly, WorkerPool pool)
    {
        if (ModelPresets.Find(name) is not { } config)
        {
            return ModelFolder.Open(ModelPath.Of(name), storage, pool, keysAndValues).Model;
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
            $"{report.Threads} threads, kernels {report.Kernels}; weights {report.WeightBytes / 1e9:0.00} GB, {report.BytesPerToken / 1e9:0.000} GB read per token; "
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
