using System.Security.Cryptography;
using System.Text.Json;
using Medix.Testing;

namespace Medix.Cli.Tests;

/// <summary>quantize and inspect of a packed model by command, on the model shipped with Medix.</summary>
public sealed class QuantizeCommandTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("medix-cli-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_model_is_packed_inspected_and_verified()
    {
        string nano = Path.Combine(Repository.Root, "models", "nano"), packed = Path.Combine(folder, "packed"), report = Path.Combine(folder, "copy.json");
        (int code, string output, string error) = CommandLineTests.Medix($"quantize {nano} --to q8 --out {packed} --questions 3 --max-tokens 12 --report {report}");
        Assert.True(code == ExitCode.Success, error);
        Assert.Contains("KL from the original", output, StringComparison.Ordinal);
        Assert.Contains("same text", output, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllText(report), File.ReadAllText(Path.Combine(packed, "quality.json")));
        using JsonDocument quality = JsonDocument.Parse(File.ReadAllText(report));
        Assert.InRange(quality.RootElement.GetProperty("text").GetProperty("divergence").GetProperty("mean").GetDouble(), 1e-7, 0.005);
        Assert.Equal(3, quality.RootElement.GetProperty("answers").GetProperty("questions").GetInt32());

        (code, output, _) = CommandLineTests.Medix($"inspect {packed} --verify");
        Assert.Equal(ExitCode.Success, code);
        Assert.Contains("every part has the checksum", output, StringComparison.Ordinal);
        string file = Path.Combine(packed, "model.medix");
        byte[] bytes = File.ReadAllBytes(file);
        bytes[^200] ^= 1;
        File.WriteAllBytes(file, bytes);
        Assert.Equal(ExitCode.Success, CommandLineTests.Medix($"inspect {packed}").Code);
        (code, output, _) = CommandLineTests.Medix($"inspect {packed} --verify");
        Assert.Equal(ExitCode.ChecksFailed, code);
        Assert.Contains("is damaged", output, StringComparison.Ordinal);
        (code, _, error) = CommandLineTests.Medix($"export gguf {packed} --out {folder}/x.gguf");
        Assert.Equal(ExitCode.UserError, code);
        Assert.Contains("packed model's folder", error, StringComparison.Ordinal);
        (code, _, error) = CommandLineTests.Medix($"quantize {nano} --to q8 --out {packed}");
        Assert.Equal(ExitCode.UserError, code);
        Assert.Contains("not empty", error, StringComparison.Ordinal);
        Assert.Equal(2, Directory.GetFileSystemEntries(folder).Length);
    }

    [Fact]
    public void Verifying_finds_what_opening_would()
    {
        string packed = Path.Combine(folder, "packed"), file = Path.Combine(packed, "model.medix");
        (int code, _, string error) = CommandLineTests.Medix(
            $"quantize {Path.Combine(Repository.Root, "models", "nano")} --to q4 --calibration none --questions 0 --out {packed}");
        Assert.True(code == ExitCode.Success, error);
        byte[] bytes = File.ReadAllBytes(file);
        Span<byte> header = bytes.AsSpan(64, (int)BitConverter.ToUInt64(bytes, 16));
        header[header.IndexOf("layers.3.down"u8) + 7] = (byte)'9';
        SHA256.HashData(header, bytes.AsSpan(32, 32));
        File.WriteAllBytes(file, bytes);
        Assert.Equal(ExitCode.Success, CommandLineTests.Medix($"inspect {packed}").Code);
        (code, string output, error) = CommandLineTests.Medix($"inspect {packed} --verify");
        Assert.Equal((ExitCode.UserError, ""), (code, output));
        Assert.Contains("there is no tensor 'layers.3.down'", error, StringComparison.Ordinal);
        Assert.Equal(CommandLineTests.Medix($"chat {packed} --ask x").Error, error);
    }

    [Theory]
    [InlineData("license: mit", "mit (README.md)")]
    [InlineData("license: other\nlicense_name: my-terms", "other: my-terms (README.md)")]
    [InlineData("license:\n- mit\n- zlib", "mit, zlib (README.md)")]
    [InlineData("tags:\n- x", "other: unknown (README.md)")]
    public void A_packed_folder_keeps_the_licence_and_inspect_tells_what_it_tells_of_a_checkpoint(string matter, string expected)
    {
        string source = Path.Combine(folder, "source"), packed = Path.Combine(folder, "packed");
        Directory.CreateDirectory(source);
        foreach (string file in Directory.GetFiles(Path.Combine(Repository.Root, "models", "nano")).Where(file => Path.GetFileName(file) != "README.md"))
        {
            File.Copy(file, Path.Combine(source, Path.GetFileName(file)));
        }

        File.WriteAllText(Path.Combine(source, "README.md"), $"---\n{matter}\n---\nBest of all: 99 % right.\n");
        File.WriteAllText(Path.Combine(source, "LICENSE.txt"), "Some words.");
        (int code, _, string error) = CommandLineTests.Medix($"quantize {source} --to q4 --calibration none --out {packed}");
        Assert.True(code == ExitCode.Success, error);
        Assert.Equal("Some words.", File.ReadAllText(Path.Combine(packed, "LICENSE.txt")));
        string card = File.ReadAllText(Path.Combine(packed, "README.md"));
        Assert.DoesNotContain("99 %", card, StringComparison.Ordinal);
        Assert.Contains("not for clinical use", card, StringComparison.Ordinal);
        foreach (string path in (string[])[packed, Path.Combine(packed, "model.medix")])
        {
            (_, string output, _) = CommandLineTests.Medix($"inspect {path}");
            Assert.Contains($"licence       {expected}\n", output.ReplaceLineEndings("\n"), StringComparison.Ordinal);
            Assert.Contains("tokenizer     byte-level BPE, 1,676 tokens", output, StringComparison.Ordinal);
            Assert.Contains("KV cache      1,536 bytes per token in 16 bits, 3,072 in 32", output, StringComparison.Ordinal);
        }

        using JsonDocument json = JsonDocument.Parse(CommandLineTests.Medix($"inspect {packed} --json").Output);
        Assert.Equal(expected, $"{json.RootElement.GetProperty("licence").GetProperty("name").GetString()} (README.md)");
        Assert.Equal(1536, json.RootElement.GetProperty("cache").GetProperty("bf16BytesPerToken").GetInt64());
        Assert.Equal(1676, json.RootElement.GetProperty("tokenizer").GetProperty("vocabulary").GetInt32());
    }

    [Theory]
    [InlineData("quantize no-such-model --out OUT", "no-such-model")]
    [InlineData("quantize NANO --out OUT --to bf16", "q4, q4k or q8")]
    [InlineData("quantize NANO --out OUT --max-divergence 0", "above 0")]
    [InlineData("quantize NANO --out OUT --max-divergence NaN", "--max-divergence is NaN")]
    [InlineData("quantize NANO --out OUT --calibration nothing.txt", "nothing.txt")]
    [InlineData("quantize NANO --out OUT --template nothing", "nothing")]
    [InlineData("quantize NANO --out OUT --questions -1", "--questions is -1")]
    [InlineData("quantize NANO --out OUT --to 3", "--to is '3', expected q4, q4k or q8")]
    [InlineData("quantize NANO --out OUT --max-tokens 0", "--max-tokens is 0")]
    [InlineData("quantize NANO --out OUT --max-tokens 4096", "allow at most")]
    [InlineData("quantize NANO --out OUT --calibration NANO/model.safetensors", "no text in UTF-8")]
    [InlineData("quantize NANO --out OUT --report NANO", "there is a folder of that name")]
    [InlineData("quantize NANO --out OUT --report OUT", "in the folder of the packed model")]
    [InlineData("quantize NANO --out OUT --report OUT/./model.medix", "in the folder of the packed model")]
    [InlineData("quantize NANO --out OUT/. --report OUT/new/quality.json", "in the folder of the packed model")]
    [InlineData("quantize NANO --out OUT --report NANO/config.json/report.json", "could not be written")]
    [InlineData("quantize NANO/config.json --out OUT", "it is a file")]
    [InlineData("quantize NANO/.. --out OUT", "there is no config.json")]
    public void Wrong_input_leaves_nothing(string arguments, string part)
    {
        string line = arguments.Replace("NANO", Path.Combine(Repository.Root, "models", "nano"), StringComparison.Ordinal)
            .Replace("OUT", Path.Combine(folder, "out"), StringComparison.Ordinal);
        (int code, _, string error) = CommandLineTests.Medix(line);
        Assert.True(code == ExitCode.UserError, error);
        Assert.Contains(part, error, StringComparison.Ordinal);
        Assert.DoesNotContain("packing", error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(folder));
    }

    [Theory]
    [InlineData("quantize NANO --out OUT --calibration none --questions 0 --report FILE")]
    [InlineData("data phantoms --out FILE --each 1")]
    public void A_file_that_is_there_is_not_overwritten(string arguments)
    {
        string file = Path.Combine(folder, "report");
        File.WriteAllText(file, "mine");
        (int code, string output, string error) = CommandLineTests.Medix(
            arguments.Replace("NANO", Path.Combine(Repository.Root, "models", "nano"), StringComparison.Ordinal).Replace("FILE", file, StringComparison.Ordinal)
                .Replace("OUT", Path.Combine(folder, "out"), StringComparison.Ordinal));
        Assert.Equal("mine", File.ReadAllText(file));
        Assert.Equal((ExitCode.UserError, ""), (code, output));
        Assert.Contains($"{file}: there is a file of that name. Name another file; nothing is overwritten.", error, StringComparison.Ordinal);
        Assert.Equal([file], Directory.GetFileSystemEntries(folder));
    }

    [Theory]
    [InlineData("model.medix", "packed model")]
    [InlineData("model.gguf", "medix import")]
    public void A_model_in_another_format_is_told_apart(string file, string part)
    {
        File.WriteAllText(Path.Combine(folder, file), "");
        (int code, _, string error) = CommandLineTests.Medix($"quantize {folder} --out {Path.Combine(folder, "out")}");
        Assert.Equal(ExitCode.UserError, code);
        Assert.Contains(part, error, StringComparison.Ordinal);
    }
}
