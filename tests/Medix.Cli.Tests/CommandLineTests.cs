using System.CommandLine;
using System.Diagnostics;
using Medix.Testing;

namespace Medix.Cli.Tests;

public class CommandLineTests
{
    [Fact]
    public void The_help_text_lists_every_command()
    {
        (int code, string output, _) = Medix("--help");
        Assert.Equal(0, code);
        Assert.All(Application.BuildRoot().Subcommands, c => Assert.Contains($"\n  {c.Name} ", output, StringComparison.Ordinal));
        Assert.Contains("never a clinical device", output, StringComparison.Ordinal);
    }

    /// <summary>What help shows after "default:" is what a user may type.</summary>
    [Fact]
    public void Defaults_are_shown_in_the_words_that_are_accepted()
    {
        Command[] all = [.. Below(Application.BuildRoot())];
        int seen = 0;
        foreach ((Command command, Option option) in all.SelectMany(command => command.Options.Where(option => option.HasDefaultValue).Select(option => (command, option))))
        {
            object? value = option.GetDefaultValue();
            string shown = value is string[] ? "" : value?.ToString() ?? "";
            if (shown.Length > 0 && option.ValueType != typeof(bool))
            {
                string[] words = option.HelpName?.Split('|') ?? [];
                Assert.True(words.Length == 0 || words.Contains(shown), $"{command.Name} {option.Name}: {shown}");
                Option alone = option;
                Command holder = new("x") { alone };
                Assert.True(holder.Parse($"{option.Name} {shown}").Errors.Count == 0, $"{command.Name} {option.Name} {shown}");
                seen++;
            }
        }

        Assert.InRange(seen, 20, 1000);
        Assert.Contains("[default: q4]", Medix("quantize --help").Output, StringComparison.Ordinal);
        Assert.Contains("[default: 4 16]", Medix("bench --help").Output, StringComparison.Ordinal);
    }

    private static IEnumerable<Command> Below(Command command) => [command, .. command.Subcommands.SelectMany(Below)];

    [Theory]
    [InlineData("unknown recipe", "train quickstrat", "quickstart")]
    [InlineData("unknown key with the nearest", "train --set optimiser.learningRate=1", "\"optimizer\"")]
    [InlineData("unknown option", "train --stepss 3", "--stepss")]
    [InlineData("unknown command", "trian", "trian")]
    [InlineData("missing data", "train vqa-rad --set data.path=/nowhere", "/nowhere")]
    [InlineData("missing model", "train --set model.path=/nowhere", "/nowhere")]
    [InlineData("missing embedder in a recipe", "train --set reward.embeddingModel=/nowhere", "reward.embeddingModel")]
    [InlineData("missing embedder", "embed /nowhere text", "/nowhere")]
    [InlineData("no text to embed", "embed /nowhere", "--file")]
    [InlineData("missing file of texts", "embed /nowhere --file /nowhere.txt", "/nowhere.txt")]
    [InlineData("unknown pooling", "embed /nowhere text --pooling median", "median")]
    [InlineData("unknown shape", "init qwen9 --out x", "qwen3-vl-2b")]
    [InlineData("unreadable size", "init qwen3-vl-2b --out x --shard-size many", "5GB")]
    [InlineData("nothing to import", "import /nowhere.gguf --out x", "/nowhere.gguf")]
    [InlineData("nothing to export", "export gguf no-such-model --out x.gguf", "no-such-model")]
    [InlineData("unknown kind of file", "export gguf no-such-model --out x.gguf --type q9", "q4_k_m")]
    [InlineData("nothing to inspect", "inspect no-such-model", "no-such-model")]
    [InlineData("no model's file", "inspect models/nano/config.json", "no model's file")]
    [InlineData("nothing to verify", "inspect models/nano --verify", "--verify")]
    [InlineData("folder to import", "import models/nano --out x", "it is a folder")]
    [InlineData("unknown type to import to", "import /nowhere.gguf --out x --dtype q4", "--dtype is 'q4', expected bf16, fp16 or fp32")]
    [InlineData("file to export", "export gguf models/nano/config.json --out x.gguf", "it is a file")]
    [InlineData("no tokenizer to copy", "init models/nano/config.json --out x --tokenizer models", "neither tokenizer.json")]
    [InlineData("seed below 0", "init models/nano/config.json --out x --seed -1", "--seed is -1")]
    [InlineData("no model to chat with", "chat", "<model>")]
    [InlineData("no format to export to", "export", "needs a command: gguf")]
    [InlineData("no number", "data phantoms --each many", "--each is 'many'")]
    [InlineData("no base to merge into", "adapter merge no-such-model no-such-adapter --out x", "no-such-model")]
    [InlineData("adapter that fits nothing", "train --set tuning.lora.pattern=nothing", "q_proj")]
    [InlineData("unknown device", "train --set tuning.device=tpu", "cuda")]
    [InlineData("nothing to resume", "train --resume --runs /nowhere", "nothing to resume")]
    public void Wrong_input_is_one_paragraph_and_exit_code_2(string what, string arguments, string part)
    {
        string runs = Directory.CreateTempSubdirectory("medix-cli-").FullName;
        bool needsFolder = arguments.StartsWith("train", StringComparison.Ordinal) && !arguments.Contains("--runs", StringComparison.Ordinal);
        (int code, _, string error) = Medix(needsFolder ? $"{arguments} --runs {runs}" : arguments);
        Assert.True(code == ExitCode.UserError, $"{what}: {code}\n{error}");
        Assert.Contains(part, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(runs, "*.tmp", SearchOption.AllDirectories));
    }

    [Fact]
    public void Output_that_nothing_can_take_is_told_of_in_a_sentence()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "This system has no /dev/full.");
        ProcessStartInfo start = new("/bin/sh", ["-c", $"'{Path.Combine(AppContext.BaseDirectory, "medix")}' inspect models/nano > /dev/full"])
        {
            RedirectStandardError = true, WorkingDirectory = Repository.Root,
        };
        using Process process = Process.Start(start)!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(ExitCode.UserError, process.ExitCode);
        Assert.StartsWith("error: a file or the output could not be read or written", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Doctor_names_the_failed_check_and_its_remedy()
    {
        (int code, string output, _) = Medix("doctor vqa-rad --set data.path=/nowhere");
        Assert.Equal(ExitCode.ChecksFailed, code);
        Assert.Contains("FAIL", output, StringComparison.Ordinal);
        Assert.Contains("libtorch: loaded", output, StringComparison.Ordinal);
    }

    internal static (int Code, string Output, string Error) Medix(string arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "medix"), arguments)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Repository.Root,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output.Result, error);
    }
}
