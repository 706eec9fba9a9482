using System.CommandLine;
using System.Text.Json;
using System.Text.RegularExpressions;
using Medix.Cli.Views;
using Medix.Runs;
using Medix.Weights.Inspection;

namespace Medix.Cli.Commands;

/// <summary><c>medix inspect</c>: what a model is, from its headers and configuration.</summary>
internal static partial class InspectCommand
{
    public static Command Create()
    {
        var model = new Argument<string>("model") { Description = "Folder of a model, an embedder or an adapter, or a .safetensors file" };
        var tensors = new Option<bool>("--tensors") { Description = "List every tensor: name, type, shape, bytes, file" };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("inspect", "Say what a model is without reading its weights: architecture, parameters, tensors, tokenizer, licence") { model, tensors, json };
        command.SetAction(parsed =>
        {
            ModelReport report = ModelInspector.Inspect(PathOf(parsed.GetValue(model)!));
            bool listed = parsed.GetValue(tensors);
            if (parsed.GetValue(json))
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(listed ? report : report with { Tensors = null }, EventLog.Lines));
            }
            else
            {
                new InspectView(Console.Out, interactive: !Console.IsOutputRedirected).Show(report, listed);
            }

            return report.Faults.Count > 0 ? ExitCode.ChecksFailed : ExitCode.Success;
        });
        return command;
    }

    /// <summary>Where the files of what was named are. The one place to look names of hub repositories up in a local store.</summary>
    private static string PathOf(string named) => Path.Exists(named) || !Repository().IsMatch(named)
        ? named
        : throw new MedixException($"There is no folder '{named}'. If it is the name of a hub repository, fetch its files and name the folder they are in.");

    [GeneratedRegex(@"^[\w.-]+/[\w.-]+$", RegexOptions.CultureInvariant)]
    private static partial Regex Repository();
}
