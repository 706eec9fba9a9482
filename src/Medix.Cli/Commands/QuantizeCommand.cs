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
        Option<Worded<WeightStorage>> to = SharedOptions.OneOf(
            "--to", "q4 (smallest and fastest), q4k (4 bits with finer scales) or q8", WeightStorage.Q4, WeightStorage.Q4K, WeightStorage.Q8);
        var target = new Option<string>("--out") { Description = "New folder for the packed model", Required = true };
        var calibration = new Option<string>("--calibration")
        {
            Description = $"{CalibrationSet.BuiltIn}, a text file, or {QuantiseJobOptions.NoCalibration} for models that do not fit into memory",
            DefaultValueFactory = _ => CalibrationSet.BuiltIn,
        };
        Option<double> divergence = SharedOptions.Number(
            "--max-divergence", "Mean KL in nats that 4 bits may cost; what costs most is kept in 8. Infinity keeps nothing", QuantiseOptions.DefaultDivergence,
            nats => nats > 0, "a number of nats above 0, such as 0.02, or Infinity");
        Option<int> questions = SharedOptions.Number(
            "--questions", "Phantoms that both models answer, 0 for none", 24, count => count is >= 0 and <= QuantiseJobOptions.MostQuestions,
            $"0 (none) to {QuantiseJobOptions.MostQuestions}");
        Option<int> tokens = SharedOptions.Number("--max-tokens", "Longest answer in tokens", 160, count => count >= 1, "a whole number of at least 1");
        var template = new Option<string>("--template")
        {
            Description = $"How questions are asked: {string.Join(", ", PromptTemplate.BuiltIn)}, or a text file", DefaultValueFactory = _ => "bare",
        };
        var report = new Option<string?>("--report") { Description = $"Write {QuantiseJob.ReportFile} here too, to a new file" };
        Option<int> threads = SharedOptions.Threads();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("quantize", "Pack a model in 8 or 4 bits, what it needs most in more, and measure what that costs")
        {
            model, to, target, calibration, divergence, questions, tokens, template, report, threads, json,
        };
        command.SetAction(async (parsed, _) =>
        {
            if (parsed.GetValue(report) is { } wanted)
            {
                RequireOutside(wanted, parsed.GetValue(target)!);
                AtomicFile.RequireNew(wanted);
            }

            QuantiseJobOptions options = new(
                new QuantiseOptions(parsed.GetValue(to), parsed.GetValue(divergence)), parsed.GetValue(calibration)!, parsed.GetValue(questions), parsed.GetValue(tokens),
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

    /// <summary>Written last, the report would take the place of a file of the packed model.</summary>
    private static void RequireOutside(string report, string folder)
    {
        string here = Environment.CurrentDirectory, within = Path.GetRelativePath(Path.Combine(here, folder), Path.Combine(here, report));
        if (!Path.IsPathRooted(within) && within != ".." && !within.StartsWith(".." + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            throw new MedixException(
                $"{report}: this is in the folder of the packed model, which holds {QuantiseJob.ReportFile} anyway. Name a file elsewhere, or leave --report out.");
        }
    }
}
