using System.Text.Json;
using Medix.Testing;
using SkiaSharp;

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
        Assert.Contains("which are not in the GGUF files", output, StringComparison.Ordinal);
        (code, output, error) = CommandLineTests.Medix($"import {text} --mmproj {vision} --out {Path.Combine(folder, "deep", "back")}");
        Assert.True(code == ExitCode.Success, error);
        Assert.Contains("Pictures have 8,192 to 16,384 pixels, as ", output, StringComparison.Ordinal);
        Assert.Contains("2,656,416 parameters", output, StringComparison.Ordinal);
        Assert.Equal(2, Directory.GetFiles(folder, "*.gguf", SearchOption.AllDirectories).Length);
        string[] models = [nano, Path.Combine(folder, "deep", "back"), text];
        Assert.Single(models.Select(PromptTokens).Distinct());
        File.Delete(Path.Combine(folder, "new", "preprocessor_config.json"));
        (_, output, _) = CommandLineTests.Medix($"import {text} --mmproj {vision} --out {Path.Combine(folder, "assumed")}");
        Assert.Contains("Pictures have 65,536 to 16,777,216 pixels, assumed", output, StringComparison.Ordinal);
        Assert.True(PromptTokens(text) > PromptTokens(nano));
    }

    [Theory]
    [InlineData("q6_k", "  43 matrices are not in the type that q6_k has for them, as llama-quantize does, for the rows are no multiples of its blocks of 256: 43 in Q8_0")]
    [InlineData("q4_k", ": 5 in Q8_0 in place of Q6_K, 38 in Q5_0 in place of Q4_K\n")]
    [InlineData("q5_0", "  1 matrix is not")]
    public void An_export_says_what_took_another_type_and_overwrites_nothing(string type, string part)
    {
        string arguments = $"export gguf {Path.Combine(Repository.Root, "models", "nano")} --type {type} --out {Path.Combine(folder, "a.gguf")}";
        Assert.Contains(part, CommandLineTests.Medix(arguments).Output.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        (int code, string output, string error) = CommandLineTests.Medix(arguments);
        Assert.Equal((ExitCode.UserError, ""), (code, output));
        Assert.Contains("a.gguf: there is a file of that name. Name another file; nothing is overwritten.", error, StringComparison.Ordinal);
    }

    private int PromptTokens(string model)
    {
        string picture = Path.Combine(folder, "picture.png");
        using SKBitmap bitmap = new(480, 640);
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        File.WriteAllBytes(picture, data.ToArray());
        (int code, string output, string error) = CommandLineTests.Medix($"chat {model} --image {picture} --ask x --max-tokens 1 --json");
        Assert.True(code == ExitCode.Success, error);
        using JsonDocument answer = JsonDocument.Parse(output);
        return answer.RootElement.GetProperty("promptTokens").GetInt32();
    }
}
