using System.CommandLine;
using Medix.Cli.Views;
using Medix.Weights;
using Medix.Weights.Gguf.Import;

namespace Medix.Cli.Commands;

/// <summary><c>medix import</c>: a GGUF model as a Hugging Face folder.</summary>
internal static class ImportCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("file") { Description = "GGUF file of a Qwen3 or Qwen3-VL model; of a split one any part" };
        var mmproj = new Option<string?>("--mmproj") { Description = "GGUF file of its vision tower; without it the result reads text only" };
        var output = new Option<string>("--out") { Description = "New folder for the model", Required = true };
        Option<string> dtype = SharedOptions.DType("bf16, fp16 or fp32, to which weights are rounded");
        var command = new Command("import", "Turn a GGUF model (llama.cpp) into a Hugging Face folder: configuration, weights, tokenizer") { file, mmproj, output, dtype };
        command.SetAction((parsed, token) => Task.Run(
            () => Run(
                parsed.GetValue(file)!,
                parsed.GetValue(mmproj),
                parsed.GetValue(output)!,
                new ImportOptions(parsed.GetValue(dtype) switch { "bf16" => "BF16", "fp16" => "F16", _ => "F32" })),
            token));
        return command;
    }

    private static int Run(string file, string? mmproj, string folder, ImportOptions options)
    {
        using GgufModel model = GgufModel.Open(file, mmproj);
        using var interrupt = new InterruptSignal(() => { });
        using ByteProgress progress = new(Console.Error);
        GgufImages? images = GgufImages.Of(model);
        GgufImporter.Import(model, folder, options, made => progress.Show(made.Done, made.Total), interrupt.Token);
        progress.Dispose();
        ExpectedTensor[] tensors = [.. ModelTensors.Of(model.Config)];
        long parameters = tensors.Sum(tensor => tensor.Shape.Aggregate(1L, (product, side) => product * side));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{folder}: {model.Config.Architecture}, {tensors.Length} tensors, {parameters:N0} parameters, {options.DType}"));
        if (images is not null)
        {
            Console.WriteLine(Said(images));
        }

        return ExitCode.Success;
    }

    private static string Said(GgufImages images)
    {
        string source = images.Limits switch
        {
            GgufImageLimits.FileBeside or GgufImageLimits.Keys => $"as {images.Source} says",
            _ => $"assumed, as the published models have them: the GGUF files name no limits, and there is no {GgufImages.FileName} beside them",
        };
        return string.Create(CultureInfo.InvariantCulture, $"Pictures have {images.Options.MinPixels:N0} to {images.Options.MaxPixels:N0} pixels, {source}");
    }
}
