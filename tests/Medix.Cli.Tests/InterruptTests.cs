using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Medix.Testing;
using Medix.Weights;

namespace Medix.Cli.Tests;

/// <summary>What an interrupted command leaves. SIGTERM is taken as Ctrl-C is, and unlike that no shell makes its children deaf to it.</summary>
public sealed class InterruptTests : IDisposable
{
    private readonly string nano = Path.Combine(Repository.Root, "models", "nano");
    private readonly string folder = Directory.CreateTempSubdirectory("medix-cli-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task A_piped_conversation_ends_with_its_answer()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There is no SIGTERM.");
        // Some two thousand tokens, which takes a second or more.
        using Process process = Start("chat", nano, "--regex", "(7 ){2000}", "--max-tokens", "3900");
        await process.StandardInput.WriteAsync("/thinking\nNodule?\nMass?\n".AsMemory(), TestContext.Current.CancellationToken);
        process.StandardInput.Close();
        string? line;
        do
        {
            line = await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        }
        while (line is not (null or "There was no reasoning."));

        await Task.Delay(400, TestContext.Current.CancellationToken);
        (int code, string output, string error) = await EndAsync(process);
        Assert.Equal((ExitCode.Interrupted, "Interrupted."), (code, error.Trim()));
        Assert.DoesNotContain("Answer", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_merge_leaves_nothing_half_made()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There is no SIGTERM.");
        (string model, string adapter) = WriteModelAndAdapter();
        for (int attempt = 0; attempt < 5; attempt++)
        {
            string parent = Path.Combine(folder, $"work-{attempt}");
            Directory.CreateDirectory(parent);
            using Process process = Start("adapter", "merge", model, adapter, "--out", Path.Combine(parent, "merged"));
            while (!process.HasExited && Directory.GetDirectories(parent).Length == 0)
            {
                await Task.Delay(1, TestContext.Current.CancellationToken);
            }

            (int code, _, string error) = await EndAsync(process);
            if (code != ExitCode.Success)
            {
                Assert.Equal((ExitCode.Interrupted, "Interrupted."), (code, error.Trim()));
                Assert.Empty(Directory.GetFileSystemEntries(parent));
                return;
            }
        }

        Assert.Skip("The merge was done before it could be interrupted.");
    }

    /// <summary>Some tens of millions of weights, so that writing them takes a while.</summary>
    private (string Model, string Adapter) WriteModelAndAdapter()
    {
        const int hidden = 512, layers = 12, rank = 4;
        JsonNode config = JsonNode.Parse(File.ReadAllText(Path.Combine(nano, "config.json")))!;
        config["text_config"]!["hidden_size"] = hidden;
        config["text_config"]!["intermediate_size"] = 4 * hidden;
        config["text_config"]!["num_hidden_layers"] = layers;
        config["vision_config"]!["out_hidden_size"] = hidden;
        string model = Path.Combine(folder, "model"), adapter = Path.Combine(folder, "adapter"), file = Path.Combine(folder, "config.json");
        File.WriteAllText(file, config.ToJsonString());
        Assert.Equal(ExitCode.Success, CommandLineTests.Medix($"init {file} --out {model}").Code);
        Directory.CreateDirectory(adapter);
        File.WriteAllText(
            Path.Combine(adapter, "adapter_config.json"),
            """{"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], "bias": "none"}""");
        int heads = (int)config["text_config"]!["num_attention_heads"]! * (int)config["text_config"]!["head_dim"]!;
        SafetensorsWriter.Write(Path.Combine(adapter, "adapter_model.safetensors"), [.. Enumerable.Range(0, layers).SelectMany(layer => (TensorData[])
        [
            TensorData.FromFloat32($"base_model.model.model.language_model.layers.{layer}.self_attn.q_proj.lora_A.weight", [rank, hidden], new float[rank * hidden]),
            TensorData.FromFloat32($"base_model.model.model.language_model.layers.{layer}.self_attn.q_proj.lora_B.weight", [heads, rank], new float[heads * rank]),
        ])]);
        return (model, adapter);
    }

    private static Process Start(params string[] arguments) => Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "medix"), arguments)
    {
        RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
    })!;

    private static async Task<(int Code, string Output, string Error)> EndAsync(Process process)
    {
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.HasExited)
        {
            using Process kill = Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]);
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await error);
    }
}
