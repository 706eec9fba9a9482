using System.Text.Json;
using Medix.Testing;

namespace Medix.Cli.Tests;

/// <summary>init and inspect by command, on a small shape.</summary>
public sealed class ModelCommandTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("medix-cli-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_model_is_made_and_inspected()
    {
        string config = Path.Combine(Repository.Root, "models", "nano", "config.json"), model = Path.Combine(folder, "model");
        (int code, string output, string error) = CommandLineTests.Medix($"init {config} --out {model} --shard-size 1MB --dtype fp32");
        Assert.True(code == ExitCode.Success, error);
        Assert.Contains("parameters, random (seed 1)", output, StringComparison.Ordinal);
        (code, output, _) = CommandLineTests.Medix($"inspect {model} --tensors");
        Assert.Equal(ExitCode.Success, code);
        Assert.Contains("Qwen3VLForConditionalGeneration", output, StringComparison.Ordinal);
        Assert.Contains("model-00002-of-", output, StringComparison.Ordinal);
        (_, output, _) = CommandLineTests.Medix($"inspect {model} --json");
        using JsonDocument document = JsonDocument.Parse(output);
        Assert.Equal("languageModel", document.RootElement.GetProperty("kind").GetString());
        (code, _, error) = CommandLineTests.Medix($"init {config} --out {model}");
        Assert.Equal(ExitCode.UserError, code);
        Assert.Contains("not empty", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_goes_to_GGUF_and_back_through_folders_that_are_made()
    {
        string nano = Path.Combine(Repository.Root, "models", "nano"), text = Path.Combine(folder, "new", "text.gguf"), vision = Path.Combine(folder, "new", "mmproj.gguf");
        (int code, string output, string error) = CommandLineTests.Medix($"export gguf {nano} --type q8_0 --out {text} --mmproj {vision}");
        Assert.True(code == ExitCode.Success, error);
        Assert.Contains("43 Q8_0", output, StringComparison.Ordinal);
        (code, output, error) = CommandLineTests.Medix($"import {text} --mmproj {vision} --out {Path.Combine(folder, "deep", "back")}");
        Assert.True(code == ExitCode.Success, error);
        Assert.Contains("2,656,416 parameters", output, StringComparison.Ordinal);
        Assert.Equal(2, Directory.GetFiles(folder, "*.gguf", SearchOption.AllDirectories).Length);
    }
}
