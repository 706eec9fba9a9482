using System.CommandLine;
using System.Text.Json;
using Medix.Cli.Views;
using Medix.Inference.Packed;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Weights.Inspection;

namespace Medix.Cli.Commands;

/// <summary><c>medix inspect</c>: what a model is, from its headers and configuration.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        var model = new Argument<string>("model")
        {
            Description = "Folder of a model, an embedder or an adapter, or a .safetensors, .safetensors.index.json, .gguf or .medix file",
        };
        var tensors = new Option<bool>("--tensors") { Description = "List every tensor: name, type, shape, bytes, file" };
        var verify = new Option<bool>("--verify") { Description = "Of a packed model, open it, read everything and check every checksum" };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("inspect", "Say what a model is without reading its weights: architecture, parameters, tensors, tokenizer, licence")
        {
            model, tensors, verify, json,
        };
        command.SetAction(parsed =>
        {
            string path = ModelPath.Of(parsed.GetValue(model)!);
            bool listed = parsed.GetValue(tensors);
            if (PackedFile.IsAt(path))
            {
                if (parsed.GetValue(verify))
                {
                    // Only a model knows which tensors it needs; what is quantised is not read for that.
                    Qwen3VLModel.FromPacked(path).Dispose();
                }

                using PackedFile packed = PackedFile.Open(path);
                bool whole = PackedView.Show(Console.Out, packed, listed, parsed.GetValue(verify), parsed.GetValue(json), CancellationToken.None);
                return whole ? ExitCode.Success : ExitCode.ChecksFailed;
            }

            ModelReport report = ModelInspector.Inspect(path);
            if (parsed.GetValue(verify))
            {
                throw new MedixException($"--verify: '{path}' is no packed model (.medix), and only these have checksums of their parts. Leave --verify out.");
            }

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
}
