using System.Text.Json;
using Medix.Inference.Embedder;
using Medix.Testing;
using Medix.Weights;
using Medix.Weights.Encoders;

namespace Medix.Inference.Tests.Embedder;

/// <summary>Static embeddings against the outputs published with them.</summary>
[Trait("Category", "Parity")]
public class StaticParityTests
{
    /// <summary>
    /// The outputs are those of the single-precision tables. A table in another format has their directions rounded: half precision by 2^-11 of a number,
    /// whole numbers by half a step, which is at most 1/20 of the vectors in question.
    /// </summary>
    private static readonly Dictionary<string, float> Tolerances = new() { ["F32"] = 1e-5f, ["F16"] = 5e-4f, ["I8"] = 0.05f };

    // SOURCE.md of the data: what the outputs were computed from.
    private static readonly string Long = string.Join(' ', Enumerable.Repeat("hello", 1000));

    [Fact]
    public void Published_vectors_are_reproduced_in_every_number_format()
    {
        string root = SharedFiles.Require("data", "weights-model2vec");
        string[] folders = [.. Directory.GetDirectories(root).Where(folder => File.Exists(Path.Combine(folder, "model.safetensors"))).Order(StringComparer.Ordinal)];
        Assert.NotEmpty(folders);
        string tokenizer = folders.Select(folder => Path.Combine(folder, "tokenizer.json")).First(File.Exists);
        foreach (string folder in folders)
        {
            using TestFolder copy = TestFolder.CopyOf(folder);
            if (!File.Exists(copy.File("tokenizer.json")))
            {
                File.Copy(tokenizer, copy.File("tokenizer.json"));
            }

            using LocalEmbedder embedder = EmbedderFolder.Open(copy.Path);
            float tolerance = Tolerances[TableType(folder)];
            bool compared = Check(embedder, folder, "hello world", Path.Combine(root, "embeddings_short.json"), tolerance)
                | Check(embedder, folder, Long, Path.Combine(root, "embeddings_long.json"), tolerance)
                | Check(embedder, folder, Long, Path.Combine(root, "embeddings_vocab_quantized.json"), tolerance);
            Assert.True(compared, $"{folder}: no published vector has {embedder.Info.Dimensions} values.");
        }
    }

    [Fact]
    public void Word_vectors_are_looked_up_and_averaged()
    {
        string folder = SharedFiles.Require("data", "weights-glove-vqarad");
        using LocalEmbedder embedder = EmbedderFolder.Open(folder);
        float[] matrix = NpyFile.ReadMatrix(Directory.GetFiles(folder, "*.npy").Single(), out int columns);
        using JsonDocument dictionary = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "dictionary.json")));
        foreach (JsonProperty word in dictionary.RootElement[0].EnumerateObject().Where(word => word.Name.All(char.IsAsciiLetterLower)))
        {
            float[] row = matrix[(word.Value.GetInt32() * columns)..][..columns];
            float norm = MathF.Sqrt(row.Sum(value => value * value));
            float[] expected = norm == 0 ? row : [.. row.Select(value => value / norm)];
            float[] actual = embedder.Embed([$"({word.Name}!) "], TestContext.Current.CancellationToken)[0].Vector;
            Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        }
    }

    private static string TableType(string folder)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, "model.safetensors"));
        return file.Tensors.Values.Single(tensor => tensor.Shape.Length == 2).DType;
    }

    // A published vector belongs to the models of its width.
    private static bool Check(LocalEmbedder embedder, string folder, string text, string path, float tolerance)
    {
        float[][]? expected = File.Exists(path) ? JsonSerializer.Deserialize<float[][]>(File.ReadAllText(path)) : null;
        if (expected is null || expected[0].Length != embedder.Info.Dimensions)
        {
            return false;
        }

        float[] actual = embedder.Embed([text], TestContext.Current.CancellationToken)[0].Vector;
        for (int i = 0; i < actual.Length; i++)
        {
            Assert.True(Math.Abs(expected[0][i] - actual[i]) < tolerance, $"{folder}: value {i} is {actual[i]}, expected {expected[0][i]}");
        }

        return true;
    }
}
