using System.CommandLine;
using System.Text.Json;
using Medix.Cli.Views;
using Medix.Data;
using Medix.Inference.Kernels;
using Medix.Inference.Quantising;
using Medix.Runs;

namespace Medix.Cli.Commands;

/// <summary><c>medix quantize</c>: packs a model in integers of 8 or 4 bits and says what that costs.</summary>
internal static class QuantizeCommand
{
    public static Command Create()
    {
        var model = new Argument<string>("model") { Description = "Model folder in Hugging Face layout, or OWNER/NAME in the hub's cache" };
        var to = new Option<WeightStorage>("--to") { Description = "q4, q4k or q8", DefaultValueFactory = _ => WeightStorage.Q4 };
        var target = new Option<string>("--out") { Description = "Folder to make", Required = true };
        var calibration = new Option<string>("--calibration")
        {
            Description = $"{CalibrationSet.BuiltIn}, a text file, or {QuantiseJobOptions.NoCalibration} for models that do not fit into memory",
            DefaultValueFactory = _ => CalibrationSet.BuiltIn,
        };
        var divergence = new Option<double>("--max-divergence")
        {
            Description = "Mean KL in nats that 4 bits may cost; what costs most is kept in 8. Infinity keeps nothing",
            DefaultValueFactory = _ => QuantiseOptions.DefaultDivergence,
        };
        var questions = new Option<int>("--questions") { Description = "Phantoms that both models answer, 0 for none", DefaultValueFactory = _ => 24 };
        var tokens = new Option<int>("--max-tokens") { Description = "Longest answer in tokens", DefaultValueFactory = _ => 160 };
        var template = new Option<string>("--template")
        {
            Description = $"How questions are asked: {string.Join(", ", PromptTemplate.BuiltIn)}, or a text file", DefaultValueFactory = _ => "bare",
        };
        var report = new Option<string?>("--report") { Description = $"Write {QuantiseJob.ReportFile} here too" };
        var threads = new Option<int>("--threads") { Description = "Threads, 0 for one per core", DefaultValueFactory = _ => 0 };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("quantize", "Pack a model in 8 or 4 bits, what it needs most in more, and measure what that costs")
        {
            model, to, target, calibration, divergence, questions, tokens, template, report, threads, json,
        };
        command.SetAction(async (parsed, _) =>
        {
            SharedOptions.Require(parsed.GetValue(questions) >= 0, $"--questions is {parsed.GetValue(questions)}, expected 0 (none) or more.");
            SharedOptions.Require(parsed.GetValue(threads) is >= 0 and <= 1024, $"--threads is {parsed.GetValue(threads)}, expected 0 (one per core) to 1024.");
            double most = parsed.GetValue(divergence);
            SharedOptions.Require(most > 0, $"--max-divergence is {most}, expected nats above 0, such as 0.02, or Infinity.");
            QuantiseJobOptions options = new(
                new QuantiseOptions(parsed.GetValue(to), most), parsed.GetValue(calibration)!, parsed.GetValue(questions), parsed.GetValue(tokens),
                parsed.GetValue(template)!);
            using var interrupt = new InterruptSignal(() => Console.Error.WriteLine("Interrupted: stopping; nothing half made stays."));
            using WorkerPool pool = new(parsed.GetValue(threads) == 0 ? Machine.PhysicalCores : parsed.GetValue(threads));
            QuantizeProgressLines lines = new(Console.Error, TimeProvider.System);
            QuantiseJob job = new(options, pool, lines.Show);
            QualityReport made = await Task.Run(() => job.RunAsync(ModelPath.Of(parsed.GetValue(model)!), parsed.GetValue(target)!, interrupt.Token), CancellationToken.None);
            if (parsed.GetValue(report) is { } copy)
            {
                AtomicFile.WriteAllText(copy, JsonSerializer.Serialize(made, EventLog.Indented) + "\n");
            }

            if (parsed.GetValue(json))
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(made, EventLog.Lines));
            }
            else
            {
                QuantizeView.Show(Console.Out, made, parsed.GetValue(target)!);
            }

            return ExitCode.Success;
        });
        return command;
    }
}
