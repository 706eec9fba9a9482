using System.CommandLine;
using System.Text.Json;
using Medix.Clients.Hub;
using Medix.Runs;
using Medix.Weights.Inspection;

namespace Medix.Cli.Commands;

/// <summary><c>medix inspect</c>: what a model's files say, from headers alone.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        var path = new Argument<string>("model") { Description = "Folder or file of a model, or OWNER/NAME[@REVISION] that was fetched with medix pull" };
        var tensors = new Option<bool>("--tensors") { Description = "List every tensor" };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("inspect", "Show a model's architecture, parameters, tensors, tokenizer and licence without reading its weights") { path, tensors, json };
        command.SetAction(parsed =>
        {
            ModelInspection model = ModelInspection.Of(ModelPath.Of(parsed.GetValue(path)!));
            if (parsed.GetValue(json))
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(model, EventLog.Lines));
            }
            else
            {
                Print(model, parsed.GetValue(tensors));
            }

            return ExitCode.Success;
        });
        return command;
    }

    private static void Print(ModelInspection model, bool tensors)
    {
        Line("model", model.Path);
        Line("kind", model.Kind);
        Line("architecture", model.Architecture);
        Line("parameters", Parameters(model.Parameters));
        Line("tensors", string.Create(CultureInfo.InvariantCulture, $"{model.Tensors.Count:N0} in {model.Tensors.Select(t => t.File).OfType<string>().Distinct().Count()} files"));
        Line("stored as", string.Join(", ", model.BytesByDType.Select(entry => $"{entry.Key} {ByteSize.Show(entry.Value)}")));
        Line("KV cache", model.KeyValueBytesPerToken is { } bytes ? string.Create(CultureInfo.InvariantCulture, $"{bytes:N0} bytes a token in bf16") : null);
        Line("tokenizer", model.Tokenizer is { } t
            ? string.Create(CultureInfo.InvariantCulture, $"{t.Kind}, {t.Vocabulary:N0} entries, {(t.ChatTemplate ? "with" : "without")} chat template")
            : null);
        Line("licence", model.Licence ?? "not stated in the folder");
        foreach (string note in model.Notes)
        {
            Line("", note);
        }

        if (model.MissingFiles.Count > 0)
        {
            Line("missing", $"{model.MissingFiles.Count} shards that the index names: "
                + $"{string.Join(", ", model.MissingFiles.Take(3))}{(model.MissingFiles.Count > 3 ? ", …" : "")}");
        }

        foreach (InspectedTensor tensor in tensors ? model.Tensors : [])
        {
            string shape = $"[{string.Join(", ", tensor.Shape)}]";
            Console.WriteLine($"{tensor.DType,-5} {shape,-24} {ByteSize.Show(tensor.Bytes),10}  {tensor.Name}  {tensor.File ?? "(file missing)"}");
        }
    }

    private static string Parameters(InspectedParameters parameters)
    {
        string vision = parameters.Vision is { } seen ? string.Create(CultureInfo.InvariantCulture, $" ({parameters.Text:N0} text, {seen:N0} vision)") : "";
        string active = parameters.ActivePerToken is { } used ? string.Create(CultureInfo.InvariantCulture, $", {used:N0} of the text part active for a token") : "";
        return string.Create(CultureInfo.InvariantCulture, $"{parameters.Total:N0}{vision}{active}");
    }

    private static void Line(string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            Console.WriteLine($"{name,-14}{value}");
        }
    }
}
