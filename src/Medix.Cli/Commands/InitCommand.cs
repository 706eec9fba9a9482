using System.CommandLine;
using Medix.Cli.Views;
using Medix.Clients.Hub;
using Medix.Runs;
using Medix.Weights;
using Medix.Weights.Creation;

namespace Medix.Cli.Commands;

/// <summary><c>medix init</c>: a checkpoint of random weights, to try sizes, speeds and formats.</summary>
internal static class InitCommand
{
    public static Command Create()
    {
        var config = new Argument<string>("config") { Description = $"config.json, or one of {string.Join(", ", ModelPresets.Names)}" };
        var output = new Option<string>("--out") { Description = "New folder for the checkpoint", Required = true };
        Option<ulong> seed = SharedOptions.Number<ulong>("--seed", "Seed of the weights", 1, _ => true, "a whole number of 0 or more, below 2 to the 64");
        Option<string> dtype = SharedOptions.DType("bf16, fp16 or fp32");
        var shard = new Option<string>("--shard-size") { Description = "Most bytes in one file, for example 5GB or 500MB", DefaultValueFactory = _ => "5GB" };
        var tokenizer = new Option<string?>("--tokenizer") { Description = "Folder of a model whose tokenizer and processor files are copied" };
        var command = new Command("init", "Make a checkpoint of random weights in Hugging Face layout") { config, output, seed, dtype, shard, tokenizer };
        command.SetAction((parsed, token) => Task.Run(
            () => Run(
                parsed.GetValue(config)!,
                parsed.GetValue(output)!,
                new CreationOptions(
                    parsed.GetValue(seed),
                    parsed.GetValue(dtype) switch { "bf16" => "BF16", "fp16" => "F16", _ => "F32" },
                    BytesOf(parsed.GetValue(shard)!),
                    FolderOf(parsed.GetValue(tokenizer)))),
            token));
        return command;
    }

    private static int Run(string name, string folder, CreationOptions options)
    {
        Qwen3VLConfig config = ModelPresets.Find(name) ?? (File.Exists(name)
            ? ModelConfigReader.Read(name)
            : throw new MedixException($"There is no file '{name}' and no model shape of that name. Known shapes: {string.Join(", ", ModelPresets.Names)}."));
        using var interrupt = new InterruptSignal(() => { });
        using ByteProgress progress = new(Console.Error);
        RandomCheckpoint.Create(config, folder, options, made => progress.Show(made.Done, made.Total), interrupt.Token);
        progress.Dispose();
        ExpectedTensor[] tensors = [.. ModelTensors.Of(config)];
        long parameters = tensors.Sum(tensor => tensor.Shape.Aggregate(1L, (product, side) => product * side));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{folder}: {config.Architecture}, {tensors.Length} tensors, {parameters:N0} parameters, "
            + $"random (seed {options.Seed})"));
        return ExitCode.Success;
    }

    private static string? FolderOf(string? tokenizer) =>
        tokenizer is null || File.Exists(Path.Combine(tokenizer, "tokenizer.json")) || File.Exists(Path.Combine(tokenizer, "vocab.json"))
            ? tokenizer
            : throw new MedixException(Directory.Exists(tokenizer)
                ? $"--tokenizer: '{tokenizer}' has neither tokenizer.json nor vocab.json. Name a model's folder."
                : $"--tokenizer: there is no folder '{tokenizer}'. Name a model's folder.");

    private static long BytesOf(string text)
    {
        (string unit, long factor)[] units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000), ("B", 1)];
        foreach ((string unit, long factor) in units)
        {
            if (text.EndsWith(unit, StringComparison.OrdinalIgnoreCase)
                && double.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number)
                && number * factor is >= 1 and < 1e18)
            {
                return (long)(number * factor);
            }
        }

        throw new MedixException($"--shard-size is '{text}', expected a size, for example 5GB or 500MB.");
    }
}
