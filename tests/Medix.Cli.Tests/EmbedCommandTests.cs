using System.Text.Json;
using Medix.Testing;
using Medix.Weights;

namespace Medix.Cli.Tests;

public sealed class EmbedCommandTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("medix-embed-").FullName;

    public EmbedCommandTests()
    {
        File.WriteAllText(Path.Combine(folder, "dictionary.json"), """{"left": 0, "right": 1, "lung": 2}""");
        SafetensorsWriter.Write(Path.Combine(folder, "vectors.safetensors"), [TensorData.FromFloat32("w", [3, 2], [1, 0, 0.6f, 0.8f, 0, 1])]);
    }

    [Fact]
    public void A_table_shows_every_pair_and_what_to_make_of_it()
    {
        string output = Run("left", "right", "something");
        Assert.Contains("word vectors, 2 dimensions", output, StringComparison.Ordinal);
        Assert.Contains("   1  1.000  0.600  0.000  left\n   2  0.600  1.000  0.000  right\n   3  0.000  0.000  0.000  something\n", output, StringComparison.Ordinal);
        Assert.Contains("Empty: the model knows nothing of text 3", output, StringComparison.Ordinal);
        Assert.Contains("hardly its sides, negations or doses", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Texts_of_a_file_follow_and_many_are_listed_with_their_nearest()
    {
        string lines = Path.Combine(folder, "lines.txt");
        File.WriteAllLines(lines, [.. Enumerable.Repeat("lung", 16), " "]);
        string output = Run("right", "--file", lines);
        Assert.Contains("   1  right\n      0.800     2  lung\n", output, StringComparison.Ordinal);
        Assert.Contains("  17  lung\n", output, StringComparison.Ordinal);
        Assert.DoesNotContain("  18  ", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_is_one_line_with_vectors_and_cosines()
    {
        string output = Run("left", "right", "--json");
        Assert.Single(output.TrimEnd().Split('\n'));
        using JsonDocument json = JsonDocument.Parse(output);
        JsonElement right = json.RootElement.GetProperty("texts")[1];
        Assert.Equal(("right", 1, 0), (right.GetProperty("text").GetString(), right.GetProperty("tokens").GetInt32(), right.GetProperty("tokensCut").GetInt32()));
        Assert.Equal([0.6f, 0.8f], right.GetProperty("vector").EnumerateArray().Select(value => value.GetSingle()));
        Assert.Equal(0.6f, json.RootElement.GetProperty("cosines")[0][1].GetSingle());
        Assert.Equal(2, json.RootElement.GetProperty("model").GetProperty("dimensions").GetInt32());
    }

    [Fact]
    public void A_real_model_says_what_it_cut()
    {
        string model = SharedFiles.Require("data", "weights-minilm");
        string output = RunOn(model, "Right lower lobe pneumonia.", string.Join(' ', Enumerable.Repeat("pain", 300)));
        Assert.Contains("BERT encoder, mean pooling, 384 dimensions, reads at most 256 tokens", output, StringComparison.Ordinal);
        Assert.Contains("Cut: text 2 is longer than the model reads; its last 46 tokens were left out.", output, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string Run(params string[] arguments) => RunOn(folder, arguments);

    private static string RunOn(string model, params string[] arguments)
    {
        var start = new System.Diagnostics.ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "medix"), ["embed", model, .. arguments])
        {
            RedirectStandardOutput = true,
        };
        using var process = System.Diagnostics.Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return output;
    }
}
