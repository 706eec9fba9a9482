using System.CommandLine;
using System.Text.Json;
using Medix.Cli.Views;
using Medix.Evaluation.Reports;
using Medix.Runs;
using Medix.Runs.Recipes;
using Medix.Training;

namespace Medix.Cli.Commands;

/// <summary><c>medix train</c>.</summary>
internal static class TrainCommand
{
    public static Command Create()
    {
        Argument<string> recipe = SharedOptions.Recipe();
        Option<string[]> set = SharedOptions.Set();
        var resume = new Option<string?>("--resume")
        {
            Description = "Continue an interrupted run: its folder, or the newest run of the recipe",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var runs = new Option<string>("--runs") { Description = "Folder for run folders", DefaultValueFactory = _ => "runs" };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("train", "Warm start, RL with the composite reward, and a report on held-out samples. Ctrl-C saves; --resume continues.")
        {
            recipe, set, resume, runs, json,
        };
        command.SetAction((parsed, _) => RunAsync(
            parsed.GetValue(recipe)!,
            parsed.GetValue(set) ?? [],
            parsed.GetResult(resume) is null ? null : parsed.GetValue(resume) ?? "",
            parsed.GetValue(runs)!,
            parsed.GetValue(json)));
        return command;
    }

    private static async Task<int> RunAsync(string recipeName, string[] changes, string? resume, string runs, bool json)
    {
        TextWriter progress = json ? Console.Error : Console.Out;
        using var interrupt = new InterruptSignal(() => progress.WriteLine("Stopping after this step; the state is being saved. Press Ctrl-C again to stop at once."));
        (TrainRecipe recipe, RunFolder folder, bool resumed) = Prepare(recipeName, changes, resume, runs);
        using var view = TrainView.Create(progress, recipe, interactive: !json && !Console.IsOutputRedirected);
        TrainingOutcome outcome = await TrainingRun.ExecuteAsync(recipe, folder, resumed, view, TimeProvider.System, interrupt.Token).ConfigureAwait(false);
        view.Finish(outcome, recipe);
        if (json && outcome.Report is { } report)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(TrainSummary.Of(report), EventLog.Lines));
        }

        return outcome.Report is null ? ExitCode.Interrupted : ExitCode.Success;
    }

    private static (TrainRecipe Recipe, RunFolder Folder, bool Resumed) Prepare(string recipeName, string[] changes, string? resume, string runs)
    {
        if (resume is null)
        {
            TrainRecipe fresh = RecipeLoader.Load(recipeName, changes);
            return (fresh, RunFolder.Create(runs, fresh.Name, TimeProvider.System), false);
        }

        RunFolder? folder = resume.Length > 0
            ? RunFolder.Open(resume)
            : RunFolder.Newest(runs, RecipeLoader.Load(recipeName, []).Name);
        if (folder is null)
        {
            throw new MedixException(
                $"There is nothing to resume: no folder {Path.Combine(runs, "NAME-*")} of recipe {recipeName} holds a checkpoint. "
                + "Start the run without --resume, or name its folder: --resume runs/NAME-DATE.");
        }

        return (RecipeLoader.Load(folder.PathOf("recipe.json"), changes), folder, true);
    }
}

/// <summary>The last line of <c>medix train --json</c>.</summary>
internal sealed record TrainSummary(string Run, string Report, int Steps, double Seconds, long PeakMemoryBytes, HeldOutSummary HeldOut)
{
    public static TrainSummary Of(TrainReport report) => new(
        Path.GetFullPath(report.Run),
        Path.GetFullPath(Path.Combine(report.Run, "report.html")),
        report.Steps.Count,
        report.Seconds,
        report.PeakMemoryBytes,
        new HeldOutSummary(report.HeldOut.Reward.Before, report.HeldOut.Reward.After, report.HeldOut.Reward.Difference));
}

/// <summary>Composite reward of held-out samples.</summary>
internal sealed record HeldOutSummary(Evaluation.Estimate Before, Evaluation.Estimate After, Evaluation.Estimate Difference);
