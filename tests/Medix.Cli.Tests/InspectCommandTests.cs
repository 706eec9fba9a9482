using System.Diagnostics;
using System.Text.Json;
using Medix.Testing;
using Medix.Weights;

namespace Medix.Cli.Tests;

public sealed class InspectCommandTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("medix-inspect-").FullName;

    [Fact]
    public void Piped_it_is_plain_columns_that_tell_the_whole_model()
    {
        (int code, string output, string error) = Run(Path.Combine(Repository.Root, "models", "nano"), "--tensors");
        Assert.True(code == ExitCode.Success, error);
        Assert.Contains("\narchitecture  Qwen3VLForConditionalGeneration\n", output, StringComparison.Ordinal);
        Assert.Contains("\nparameters    2,656,416 (text 1,443,840, vision 1,212,576)\n", output, StringComparison.Ordinal);
        Assert.Contains("\nKV cache      1,536 bytes per token in 16 bits", output, StringComparison.Ordinal);
        Assert.Contains("byte-level BPE", output, StringComparison.Ordinal);
        Assert.Contains("\nBF16       137   2,656,416  5,312,832\n", output, StringComparison.Ordinal);
        Assert.Matches(@"\nmodel\.language_model\.embed_tokens\.weight +BF16 +\[2048, 128\] +524,288  model\.safetensors\n", output);
        Assert.DoesNotContain('\u001b', output);
        Assert.DoesNotContain('│', output);
        Assert.All(output.Split('\n'), line => Assert.Equal(line.TrimEnd(), line));
    }

    [Fact]
    public void Json_is_one_line_and_lists_tensors_when_asked()
    {
        string nano = Path.Combine(Repository.Root, "models", "nano");
        using JsonDocument brief = JsonDocument.Parse(Assert.Single(Run(nano, "--json").Output.TrimEnd().Split('\n')));
        Assert.False(brief.RootElement.TryGetProperty("tensors", out _));
        Assert.Equal(2_656_416, brief.RootElement.GetProperty("parameters").GetProperty("total").GetInt64());
        Assert.Equal("languageModel", brief.RootElement.GetProperty("kind").GetString());
        Assert.Equal("BF16", brief.RootElement.GetProperty("dtypes")[0].GetProperty("dtype").GetString());
        using JsonDocument full = JsonDocument.Parse(Run(nano, "--json", "--tensors").Output);
        Assert.Equal(full.RootElement.GetProperty("tensorCount").GetInt32(), full.RootElement.GetProperty("tensors").GetArrayLength());
    }

    [Fact]
    public void Faults_end_with_the_code_of_failed_checks_and_no_escape_sequence_of_a_file_is_printed()
    {
        string nano = Path.Combine(Repository.Root, "models", "nano");
        File.Copy(Path.Combine(nano, "config.json"), Path.Combine(folder, "config.json"));
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), [TensorData.FromFloat32("red \u001b[31m[bold]", [1], [1])]);
        (int code, string output, _) = Run(folder, "--tensors");
        Assert.Equal(ExitCode.ChecksFailed, code);
        Assert.Contains("Fault: The weights lack tensor 'model.visual.patch_embed.proj.weight'", output, StringComparison.Ordinal);
        Assert.Contains("This model would not load: 20 faults; there may be more.", output, StringComparison.Ordinal);
        Assert.Contains("red ?[31m[bold]", output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', output);
    }

    [Fact]
    public void An_index_is_inspected_as_the_checkpoint_it_lists()
    {
        File.Copy(Path.Combine(Repository.Root, "models", "nano", "config.json"), Path.Combine(folder, "config.json"));
        string index = Path.Combine(folder, "model.safetensors.index.json");
        File.WriteAllText(index, """{"weight_map": {"model.language_model.norm.weight": "model-00001-of-00001.safetensors"}}""");
        (_, string output, string error) = Run(index, "--tensors");
        Assert.Equal("", error);
        Assert.Contains("Qwen3VLForConditionalGeneration", output, StringComparison.Ordinal);
        Assert.Contains("Missing: model-00001-of-00001.safetensors", output, StringComparison.Ordinal);
        Assert.Matches(@"\nmodel\.language_model\.norm\.weight .*  model-00001-of-00001\.safetensors \(missing\)\n", output);
    }

    [Theory]
    [InlineData("pytorch_model.bin", "can run any code")]
    [InlineData("/nowhere/at/all", "There is no file or folder")]
    [InlineData("some-owner/some-name", "hub repository")]
    public void Wrong_input_is_one_paragraph(string place, string part)
    {
        File.WriteAllBytes(Path.Combine(folder, "pytorch_model.bin"), [0x80, 2]);
        (int code, string output, string error) = Run(place == "pytorch_model.bin" ? Path.Combine(folder, place) : place);
        Assert.Equal((ExitCode.UserError, ""), (code, output));
        Assert.Contains(part, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static (int Code, string Output, string Error) Run(params string[] arguments)
    {
        ProcessStartInfo start = new(Path.Combine(AppContext.BaseDirectory, "medix"), ["inspect", .. arguments])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output.Result, error);
    }
}
