using System.CommandLine;
using System.Text.Json;
using Medix.Runs;
using Medix.Runs.Recipes;
using Medix.Training.Doctor;

namespace Medix.Cli.Commands;

/// <summary><c>medix doctor</c>: looks at everything a run needs and says what to do where something is wrong.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        Argument<string> recipe = SharedOptions.Recipe();
        Option<string[]> set = SharedOptions.Set();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("doctor", "Check machine, native libraries, recipe, data, token budget and reward before a run") { recipe, set, json };
        command.SetAction((parsed, token) => RunAsync(parsed.GetValue(recipe)!, parsed.GetValue(set) ?? [], parsed.GetValue(json), token));
        return command;
    }

    private static async Task<int> RunAsync(string recipeName, string[] changes, bool json, CancellationToken cancellationToken)
    {
        TextWriter progress = json ? Console.Error : Console.Out;
        List<Finding> findings = [];
        await foreach (Finding finding in Examination.RunAsync(() => RecipeLoader.Load(recipeName, changes), cancellationToken).ConfigureAwait(false))
        {
            findings.Add(finding);
            progress.WriteLine($"{Mark(finding.Outcome)} {finding.Check}: {finding.Text}");
            if (finding.Remedy is { } remedy)
            {
                progress.WriteLine($"       {remedy}");
            }
        }

        if (json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(findings, EventLog.Lines));
        }

        return findings.Any(f => f.Outcome == Outcome.Failed) ? ExitCode.ChecksFailed : ExitCode.Success;
    }

    private static string Mark(Outcome outcome) => outcome switch { Outcome.Good => "ok    ", Outcome.Warning => "warn  ", _ => "FAIL  " };
}
