using System.Text.Json;
using Medix.Inference.Embedder;
using Medix.Testing;
using Medix.Text.Encoders;
using Medix.Weights;

namespace Medix.Inference.Tests.Embedder;

/// <summary>BERT encoders against the reference's outputs: a tiny model's every intermediate, a real model's sentences.</summary>
[Trait("Category", "Parity")]
public class BertParityTests
{
    private const float HiddenTolerance = 2e-4f;
    private const float SentenceTolerance = 1e-4f;

    [Fact]
    public void Every_intermediate_of_every_case_equals_the_reference()
    {
        int compared = 0;
        foreach (string folder in BertFolders())
        {
            using BertEncoder encoder = BertEncoder.Load(folder);
            foreach (string path in Directory.GetFiles(folder, "case*.safetensors"))
            {
                using SafetensorsFile file = SafetensorsFile.Open(path);
                compared += CheckCase(encoder, file, path);
            }
        }

        Assert.True(compared > 0, "There was no case to compare.");
    }

    [Fact]
    public void Real_sentences_have_the_reference_s_ids_vectors_and_cosines()
    {
        string goldens = SharedFiles.Require("goldens", "embedder");
        string model = SharedFiles.Require("data", "weights-minilm");
        using LocalEmbedder mean = EmbedderFolder.Open(model), cls = EmbedderFolder.Open(model, Weights.Encoders.PoolingMode.Cls);
        EncoderTokenizer tokenizer = EncoderTokenizer.Load(model);
        int compared = 0;
        foreach (string path in Directory.GetFiles(goldens, "*.json"))
        {
            using JsonDocument rows = JsonDocument.Parse(File.ReadAllText(path));
            using SafetensorsFile expected = SafetensorsFile.Open(Path.ChangeExtension(path, ".safetensors"));
            string[] texts = [.. rows.RootElement.EnumerateArray().Select(row => row.GetProperty("text").GetString()!)];
            foreach (JsonElement row in rows.RootElement.EnumerateArray())
            {
                int[] ids = [.. row.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
                Assert.Equal(ids, tokenizer.Encode(row.GetProperty("text").GetString()!, mean.Info.MaxTokens!.Value).Ids);
            }

            float[][] vectors = [.. mean.Embed(texts, TestContext.Current.CancellationToken).Select(text => text.Vector)];
            AssertClose(path, "mean_normalised", expected.ReadFloat32("mean_normalised"), [.. vectors.SelectMany(v => v)], SentenceTolerance);
            float[] first = [.. cls.Embed(texts, TestContext.Current.CancellationToken).SelectMany(text => text.Vector)];
            AssertClose(path, "cls_normalised", expected.ReadFloat32("cls_normalised"), first, SentenceTolerance);
            float[] cosines = [.. vectors.SelectMany(a => vectors.Select(b => a.Zip(b, (x, y) => x * y).Sum()))];
            AssertClose(path, "cosine", expected.ReadFloat32("cosine"), cosines, SentenceTolerance);
            compared += texts.Length;
        }

        Assert.True(compared > 0, "There was no sentence to compare.");
    }

    private static IEnumerable<string> BertFolders() => Directory.GetDirectories(SharedFiles.Require("goldens", "models"))
        .Where(folder => Path.Combine(folder, "config.json") is var config && File.Exists(config) && File.ReadAllText(config).Contains("\"BertModel\"", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal);

    private static int CheckCase(BertEncoder encoder, SafetensorsFile file, string path)
    {
        (EncodedText[] texts, int[] places) = Rows(file);
        int width = encoder.Config.Hidden, compared = 0;
        Dictionary<string, float[]> states = [];
        states["last_hidden_state"] = encoder.Encode(texts, (name, values) => states[name] = values.ToArray()).ToArray();
        foreach ((string name, float[] actual) in states)
        {
            float[] all = file.ReadFloat32(name);
            AssertClose(path, name, [.. places.SelectMany(place => all[(place * width)..][..width])], actual, HiddenTolerance);
            compared++;
        }

        Assert.Equal(encoder.Config.Layers + 2, compared);
        if (file.Tensors.ContainsKey("pooler_output"))
        {
            AssertClose(path, "pooler_output", file.ReadFloat32("pooler_output"), encoder.Pool(texts), HiddenTolerance);
        }

        float[] rows = states["last_hidden_state"];
        List<float> cls = [], mean = [], clsNormalised = [], meanNormalised = [];
        int row = 0;
        foreach (EncodedText text in texts)
        {
            float[][] own = [.. rows[(row * width)..((row + text.Ids.Length) * width)].Chunk(width)];
            float[] average = [.. Enumerable.Range(0, width).Select(i => own.Average(state => state[i]))];
            cls.AddRange(own[0]);
            mean.AddRange(average);
            clsNormalised.AddRange(Normalised(own[0]));
            meanNormalised.AddRange(Normalised(average));
            row += own.Length;
        }

        AssertClose(path, "cls", file.ReadFloat32("cls"), [.. cls], HiddenTolerance);
        AssertClose(path, "mean", file.ReadFloat32("mean"), [.. mean], HiddenTolerance);
        AssertClose(path, "cls_normalised", file.ReadFloat32("cls_normalised"), [.. clsNormalised], HiddenTolerance);
        AssertClose(path, "mean_normalised", file.ReadFloat32("mean_normalised"), [.. meanNormalised], HiddenTolerance);
        return compared;
    }

    /// <summary>The texts without their padding, and the places of their tokens in the padded rows.</summary>
    private static (EncodedText[] Texts, int[] Places) Rows(SafetensorsFile file)
    {
        long[] ids = file.ReadInt64("input_ids"), mask = file.ReadInt64("attention_mask");
        long[] types = file.Tensors.ContainsKey("token_type_ids") ? file.ReadInt64("token_type_ids") : new long[ids.Length];
        int length = (int)file.Tensors["input_ids"].Shape[1];
        int[] places = [.. Enumerable.Range(0, ids.Length).Where(place => mask[place] == 1)];
        EncodedText[] texts =
        [
            .. places.GroupBy(place => place / length)
                .Select(row => new EncodedText([.. row.Select(place => (int)ids[place])], [.. row.Select(place => (int)types[place])], 0)),
        ];
        return (texts, places);
    }

    private static float[] Normalised(float[] vector)
    {
        double norm = Math.Sqrt(vector.Sum(value => (double)value * value));
        return [.. vector.Select(value => (float)(value / norm))];
    }

    private static void AssertClose(string path, string name, float[] expected, float[] actual, float tolerance)
    {
        Assert.True(expected.Length == actual.Length, $"{path}: {name} has {actual.Length} values, expected {expected.Length}");
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(Math.Abs(expected[i] - actual[i]) < tolerance, $"{path}: {name}[{i}] is {actual[i]}, expected {expected[i]}");
        }
    }
}
