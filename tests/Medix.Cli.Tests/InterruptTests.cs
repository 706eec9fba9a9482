using System.Diagnostics;
using System.Globalization;
using Medix.Testing;
using Medix.Weights;

namespace Medix.Cli.Tests;

/// <summary>What an interrupted command leaves. SIGTERM is taken as Ctrl-C is, and unlike that no shell makes its children deaf to it.</summary>
public sealed class InterruptTests : IDisposable
{
    private readonly string nano = Path.Combine(Repository.Root, "models", "nano");
    private readonly string folder = Directory.CreateTempSubdirectory("medix-cli-").FullName;

    private readonly List<Process> started = [];

    public void Dispose()
    {
        foreach (Process process in started)
        {
            if (!process.HasExited)
            {
                process.Kill();
            }

            process.Dispose();
        }

        Directory.Delete(folder, recursive: true);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_piped_conversation_ends_with_its_answer()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There is no SIGTERM.");
        // Some two thousand tokens, which takes a second or more.
        Process process = Start("chat", nano, "--regex", "(7 ){2000}", "--max-tokens", "3900");
        await process.StandardInput.WriteAsync("/thinking\nNodule?\nMass?\n".AsMemory(), TestContext.Current.CancellationToken);
        process.StandardInput.Close();
        string? line;
        do
        {
            line = await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        }
        while (line is not (null or "There was no reasoning."));

        await Task.Delay(400, TestContext.Current.CancellationToken);
        await TerminateAsync(process);
        (int code, string output, string error) = await EndAsync(process);
        Assert.Equal((ExitCode.Interrupted, "Interrupted."), (code, error.Trim()));
        Assert.DoesNotContain("Answer", output, StringComparison.Ordinal);
    }

    /// <summary>The base's licence is a pipe, so that the merge waits in its midst for as long as the test likes.</summary>
    [Fact(Timeout = 30_000)]
    public async Task A_merge_leaves_nothing_half_made()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There are neither SIGTERM nor named pipes.");
        string model = Path.Combine(folder, "model"), work = Path.Combine(folder, "work"), licence = Path.Combine(model, "LICENSE");
        Directory.CreateDirectory(model);
        Directory.CreateDirectory(work);
        Array.ForEach(Directory.GetFiles(nano), file => File.Copy(file, Path.Combine(model, Path.GetFileName(file))));
        using Process pipe = Process.Start("mkfifo", licence);
        await pipe.WaitForExitAsync(TestContext.Current.CancellationToken);
        Process process = Start("adapter", "merge", model, WriteAdapter(), "--out", Path.Combine(work, "merged"));
        Process feeder = StartProgram("/bin/sh", "-c", $"exec 3> '{licence}'; echo open; read word; echo words >&3");
        Assert.Equal("open", await feeder.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        Assert.EndsWith(".partial", Assert.Single(Directory.GetFileSystemEntries(work)), StringComparison.Ordinal);
        await TerminateAsync(process);
        await Task.Delay(400, TestContext.Current.CancellationToken);
        feeder.StandardInput.Close();
        (int code, _, string error) = await EndAsync(process);
        Assert.Equal((ExitCode.Interrupted, "Interrupted."), (code, error.Trim()));
        Assert.Empty(Directory.GetFileSystemEntries(work));
    }

    private string WriteAdapter()
    {
        const int hidden = 128, layers = 6, rank = 4;
        string adapter = Path.Combine(folder, "adapter");
        Directory.CreateDirectory(adapter);
        File.WriteAllText(
            Path.Combine(adapter, "adapter_config.json"),
            """{"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], "bias": "none"}""");
        SafetensorsWriter.Write(Path.Combine(adapter, "adapter_model.safetensors"), [.. Enumerable.Range(0, layers).SelectMany(layer => (TensorData[])
        [
            TensorData.FromFloat32($"base_model.model.model.language_model.layers.{layer}.self_attn.q_proj.lora_A.weight", [rank, hidden], new float[rank * hidden]),
            TensorData.FromFloat32($"base_model.model.model.language_model.layers.{layer}.self_attn.q_proj.lora_B.weight", [hidden, rank], new float[hidden * rank]),
        ])]);
        return adapter;
    }

    private Process Start(params string[] arguments) => StartProgram(Path.Combine(AppContext.BaseDirectory, "medix"), arguments);

    private Process StartProgram(string program, params string[] arguments)
    {
        Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        started.Add(process);
        return process;
    }

    private static async Task TerminateAsync(Process process)
    {
        using Process kill = Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    private static async Task<(int Code, string Output, string Error)> EndAsync(Process process)
    {
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await error);
    }
}
