using System.CommandLine;
using Medix.Weights.Adapters;

namespace Medix.Cli.Commands;

/// <summary><c>medix adapter</c>: LoRA adapters into a base model's weights, and out again.</summary>
internal static class AdapterCommand
{
    public static Command Create() => new("adapter", "Merge a LoRA adapter (PEFT format) into its base, or take it out again")
    {
        Make("merge", "Write BASE with the adapter merged into its weights", "base", "Folder of the base model", AdapterFolders.Merge),
        Make("unmerge", "Write MERGED with the adapter taken out of its weights", "merged", "Folder of a model with the adapter merged", AdapterFolders.Unmerge),
    };

    private static Command Make(string name, string description, string model, string modelDescription, Func<string, string, string, CancellationToken, int> apply)
    {
        var folder = new Argument<string>(model) { Description = modelDescription };
        var adapter = new Argument<string>("adapter") { Description = "Folder with adapter_config.json and adapter_model.safetensors" };
        var output = new Option<string>("--out") { Description = "Folder for the result", Required = true };
        var command = new Command(name, description) { folder, adapter, output };
        command.SetAction((parsed, token) => Task.Run(
            () =>
            {
                string target = parsed.GetValue(output)!;
                using var interrupt = new InterruptSignal(() => { });
                int changed = apply(ModelPath.Of(parsed.GetValue(folder)!), ModelPath.Of(parsed.GetValue(adapter)!), target, interrupt.Token);
                Console.WriteLine($"{target}: {changed} weights changed, the others and the licence files copied, a model card of its own written");
                return ExitCode.Success;
            },
            token));
        return command;
    }
}
