using System.Diagnostics;
using System.Text.Json;
using Medix.Cli.Views;
using Medix.Clients.Hub;
using Medix.Testing;
using Medix.Testing.Hub;
using Spectre.Console;

namespace Medix.Cli.Tests;

public sealed class PullCommandTests : IDisposable
{
    private readonly HubStandIn hub = new();
    private readonly string home = Directory.CreateTempSubdirectory("medix-pull-").FullName;

    public PullCommandTests()
    {
        StandInRepository model = hub.Add("medix/tiny");
        model.Add("config.json", "{}"u8.ToArray());
        model.Add("model.safetensors", new byte[5000], large: true);
        hub.Add("medix/rows", "datasets").Add("train.jsonl", "{}\n"u8.ToArray());
    }

    public void Dispose()
    {
        hub.Dispose();
        Directory.Delete(home, recursive: true);
    }

    [Fact]
    public void Standard_output_is_the_snapshot_folder()
    {
        (int code, string output, string error) = Medix("pull medix/tiny@main");
        Assert.Equal((ExitCode.Success, ""), (code, code == 0 ? "" : error));
        Assert.Equal(Path.Combine(home, "hub", "models--medix--tiny", "snapshots", new string('a', 40)), output.Trim());
        Assert.Equal(5000, File.ReadAllBytes(Path.Combine(output.Trim(), "model.safetensors")).Length);
        Assert.Contains("2 files, 5.00 kB", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_ends_with_one_line_for_programs()
    {
        (int code, string output, _) = Medix($"pull medix/rows --dataset --local-dir {home}/rows --json");
        Assert.Equal(ExitCode.Success, code);
        using JsonDocument line = JsonDocument.Parse(output);
        Assert.Equal(Path.Combine(home, "rows"), line.RootElement.GetProperty("folder").GetString());
        Assert.Equal(3, line.RootElement.GetProperty("receivedBytes").GetInt64());
        Assert.True(File.Exists(Path.Combine(home, "rows", "train.jsonl")));
    }

    [Fact]
    public void Files_patterns_and_folders_can_be_chosen()
    {
        (_, string one, _) = Medix("pull medix/tiny config.json");
        Assert.Equal(["config.json"], Directory.GetFiles(one.Trim()).Select(Path.GetFileName));
        (_, string two, _) = Medix($"pull medix/tiny --include *.safetensors --cache-dir {home}/other");
        Assert.Equal(["model.safetensors"], Directory.GetFiles(two.Trim()).Select(Path.GetFileName));
        Assert.StartsWith(Path.Combine(home, "other"), two, StringComparison.Ordinal);
    }

    [Fact]
    public void Offline_uses_the_cache()
    {
        (_, string first, _) = Medix("pull medix/tiny");
        int before = hub.Hub.Requests.Count;
        (int code, string output, _) = Medix("pull medix/tiny", ("HF_HUB_OFFLINE", "1"));
        Assert.Equal((0, first, before), (code, output, hub.Hub.Requests.Count));
    }

    [Theory]
    [InlineData("no repository", "pull tiny", "OWNER/NAME")]
    [InlineData("missing", "pull medix/nothing", "HF_TOKEN")]
    [InlineData("missing revision", "pull medix/tiny@nope", "no revision nope")]
    [InlineData("two revisions", "pull medix/tiny@a --revision b", "Two revisions")]
    [InlineData("missing file", "pull medix/tiny nope.bin", "no file nope.bin")]
    [InlineData("pattern without a match", "pull medix/tiny --include *.gguf", "config.json")]
    [InlineData("files and patterns", "pull medix/tiny config.json --include *.gguf", "Name files")]
    public void Wrong_input_is_one_paragraph_and_exit_code_2(string what, string arguments, string part)
    {
        (int code, string output, string error) = Medix(arguments);
        Assert.True(code == ExitCode.UserError, $"{what}: {code}\n{error}");
        Assert.Contains(part, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.Equal("", output);
    }

    [Fact]
    public async Task Ctrl_C_ends_with_130_and_the_same_command_continues()
    {
        hub.Change = (r, a) => r.Path.StartsWith("/cdn/", StringComparison.Ordinal) ? a with { StallAfter = 2000 } : a;
        using Process process = Start("pull medix/tiny");
        string partial = Path.Combine(home, "hub", "models--medix--tiny", "blobs");
        while (hub.Storage.Requests.Count == 0 && !process.HasExited)
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        using (Process kill = Process.Start("kill", $"-INT {process.Id}"))
        {
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(ExitCode.Interrupted, process.ExitCode);
        Assert.Contains("the same command continues", await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.NotEmpty(Directory.GetFiles(partial, "*.medix.incomplete"));
        hub.Change = (_, a) => a;
        Assert.Equal(ExitCode.Success, Medix("pull medix/tiny").Code);
        Assert.Empty(Directory.GetFiles(partial, "*incomplete*"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_view_shows_bytes_and_files_while_they_arrive(bool live)
    {
        hub.Change = (r, a) => r.Path.StartsWith("/cdn/", StringComparison.Ordinal) ? a with { Drip = live ? 200 : 40 } : a;
        using var written = new StringWriter();
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.Yes, Interactive = InteractionSupport.Yes, Out = new AnsiConsoleOutput(written) });
        console.Profile.Width = 120;
        PullView view = live ? new LivePullView(console) : new PlainPullView(written);
        var meter = new PullMeter();
        using var client = new HubClient(new HubOptions { Endpoint = hub.Hub.Address, CacheFolder = home }, meter);
        Task<PullResult> pull = client.PullAsync(HubRepository.Parse("medix/tiny"), new PullSettings(), TestContext.Current.CancellationToken);
        await view.FollowAsync(meter, pull);
        await pull;
        Assert.Contains("of 5.00 kB", written.ToString(), StringComparison.Ordinal);
        Assert.Equal(live, written.ToString().Contains("model.safetensors", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Two_processes_fetch_one_file_once()
    {
        var gate = new TaskCompletionSource();
        hub.Change = (r, a) => r.Path.StartsWith("/cdn/", StringComparison.Ordinal) ? a with { Gate = gate.Task } : a;
        using Process first = Start("pull medix/tiny");
        while (hub.Storage.Requests.Count == 0 && !first.HasExited)
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        using Process second = Start("pull medix/tiny");
        string? note = await second.StandardError.ReadLineAsync(TestContext.Current.CancellationToken);
        Assert.Contains("another process is fetching it", note, StringComparison.Ordinal);
        gate.SetResult();
        await Task.WhenAll(first.WaitForExitAsync(TestContext.Current.CancellationToken), second.WaitForExitAsync(TestContext.Current.CancellationToken));
        Assert.Equal((0, 0), (first.ExitCode, second.ExitCode));
        Assert.Single(hub.Storage.Requests);
        string folder = (await second.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken)).Trim();
        Assert.Equal(new byte[5000], File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
    }

    private (int Code, string Output, string Error) Medix(string arguments, params (string Name, string Value)[] variables)
    {
        using Process process = Start(arguments, variables);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output.Result, error);
    }

    private Process Start(string arguments, params (string Name, string Value)[] variables)
    {
        // A shell's background job ignores Ctrl-C, and so would what it starts.
        var start = new ProcessStartInfo("env", ["--default-signal=INT", Path.Combine(AppContext.BaseDirectory, "medix"), .. arguments.Split(' ')])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Repository.Root,
        };
        foreach ((string name, string value) in variables.Concat([("HF_ENDPOINT", hub.Hub.Address.ToString()), ("HF_HOME", home)]))
        {
            start.Environment[name] = value;
        }

        foreach (string name in new[] { "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HTTP_PROXY", "http_proxy" })
        {
            start.Environment.Remove(name);
        }

        return Process.Start(start)!;
    }
}
