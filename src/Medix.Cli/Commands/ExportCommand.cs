using System.CommandLine;
using Medix.Cli.Views;
using Medix.Clients.Hub;
using Medix.Runs;
using Medix.Weights;
using Medix.Weights.Gguf.Export;

namespace Medix.Cli.Commands;

/// <summary><c>medix export</c>: a model in the formats of other programs.</summary>
internal static class ExportCommand
{
    public static Command Create() => new("export", "Write a model in the format of another program") { Gguf() };

    private static Command Gguf()
    {
        var model = new Argument<string>("model") { Description = "Folder of a Qwen3 or Qwen3-VL model, or its name in the hub's cache" };
        var output = new Option<string>("--out") { Description = "GGUF file for the language model; one of that name is replaced", Required = true };
        string known = string.Join(", ", GgufExportType.Names);
        var type = new Option<string>("--type") { Description = $"Kind of numbers: {known}", DefaultValueFactory = _ => GgufExportType.F16.Name };
        type.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string>() is { } name && GgufExportType.Find(name) is null)
            {
                result.AddError($"--type is '{name}', expected one of {known}.");
            }
        });
        var mmproj = new Option<string?>("--mmproj") { Description = "GGUF file for the vision tower: f16, or as --type where that is f32, bf16 or q8_0" };
        var command = new Command("gguf", "Write GGUF files for llama.cpp, as its own converter and quantiser do") { model, output, type, mmproj };
        command.SetAction((parsed, token) => Task.Run(
            () => Run(ModelPath.Of(parsed.GetValue(model)!), parsed.GetValue(output)!, GgufExportType.Find(parsed.GetValue(type)!)!, parsed.GetValue(mmproj)), token));
        return command;
    }

    private static int Run(string folder, string output, GgufExportType type, string? mmproj)
    {
        using Checkpoint model = Checkpoint.Open(folder);
        using var interrupt = new InterruptSignal(() => { });
        using ByteProgress progress = new(Console.Error);
        IReadOnlyList<ExportedFile> files = GgufExporter.Export(model, output, type, mmproj, made => progress.Show(made.Done, made.Total), interrupt.Token);
        progress.Dispose();
        foreach (ExportedFile file in files)
        {
            string formats = string.Join(", ", file.Formats.Select(format => string.Create(CultureInfo.InvariantCulture, $"{format.Value} {format.Key}")));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{file.Path}: {file.Parameters:N0} parameters, {ByteSize.Show(file.Bytes)}, tensors: {formats}"));
        }

        return ExitCode.Success;
    }
}
