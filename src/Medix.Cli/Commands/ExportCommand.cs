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
        var output = new Option<string>("--out") { Description = "New GGUF file for the language model", Required = true };
        string known = string.Join(", ", GgufExportType.Names);
        var type = new Option<string>("--type") { Description = $"Kind of numbers: {known}", DefaultValueFactory = _ => GgufExportType.F16.Name };
        type.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string>() is { } name && GgufExportType.Find(name) is null)
            {
                result.AddError($"--type is '{name}', expected one of {known}.");
            }
        });
        var mmproj = new Option<string?>("--mmproj") { Description = "New GGUF file for the vision tower: f16, or as --type where that is f32, bf16 or q8_0" };
        var command = new Command("gguf", "Write GGUF files for llama.cpp, as its own converter and quantiser do") { model, output, type, mmproj };
        command.SetAction((parsed, token) => Task.Run(
            () => Run(ModelPath.Of(parsed.GetValue(model)!), parsed.GetValue(output)!, GgufExportType.Find(parsed.GetValue(type)!)!, parsed.GetValue(mmproj)), token));
        return command;
    }

    private static int Run(string folder, string output, GgufExportType type, string? mmproj)
    {
        GgufExporter.RequireFree(output, mmproj);
        using Checkpoint model = Checkpoint.Open(folder);
        bool needsImages = mmproj is not null && ExportedImages.NeedFile(model, mmproj);
        using var interrupt = new InterruptSignal(() => { });
        using ByteProgress progress = new(Console.Error);
        IReadOnlyList<ExportedFile> files = GgufExporter.Export(model, output, type, mmproj, made => progress.Show(made.Done, made.Total), interrupt.Token);
        progress.Dispose();
        foreach (ExportedFile file in files)
        {
            string formats = string.Join(", ", file.Formats.Select(format => string.Create(CultureInfo.InvariantCulture, $"{format.Value} {format.Key}")));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{file.Path}: {file.Parameters:N0} parameters, {ByteSize.Show(file.Bytes)}, tensors: {formats}"));
            if (file.Fallbacks.Count > 0)
            {
                Console.WriteLine(Said(file.Fallbacks, type));
            }
        }

        if (needsImages)
        {
            Console.WriteLine(
                $"{ExportedImages.Copy(model, mmproj!)}: the model's limits of a picture's area, which are not in the GGUF files; medix reads them there, llama.cpp has its own");
        }

        return ExitCode.Success;
    }

    private static string Said(IReadOnlyList<FormatFallback> fallbacks, GgufExportType type)
    {
        int count = fallbacks.Sum(one => one.Tensors);
        string each = string.Join(", ", fallbacks.Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.Tensors} in {one.Written} in place of {one.Wanted}")));
        string matrices = count == 1 ? "1 matrix is" : string.Create(CultureInfo.InvariantCulture, $"{count} matrices are");
        string blocks = string.Join(" or ", fallbacks.Select(one => one.Block).Distinct().Order());
        string tool = type.ByQuantizer ? "llama-quantize" : "llama.cpp's converter";
        return $"  {matrices} not in the type that {type.Name} has for them, as {tool} does, for the rows are no multiples of its blocks of {blocks}: {each}";
    }
}
