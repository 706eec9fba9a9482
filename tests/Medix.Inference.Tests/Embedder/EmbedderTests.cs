using System.Runtime.InteropServices;
using Medix.Inference.Embedder;
using Medix.Runs;
using Medix.Weights;
using Medix.Weights.Encoders;
using Microsoft.Extensions.AI;

namespace Medix.Inference.Tests.Embedder;

public sealed class EmbedderTests : IDisposable
{
    private static readonly string[] Texts = ["left lung", "no effusion in the right lung", "", "masses", "lung"];

    private readonly TestFolder folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("\"pooling_mode_cls_token\": true, \"pooling_mode_mean_tokens\": false", PoolingMode.Cls)]
    [InlineData("\"pooling_mode_mean_tokens\": true", PoolingMode.Mean)]
    [InlineData("\"pooling_mode\": \"max\"", PoolingMode.Max)]
    public void The_folder_decides_pooling_and_length(string json, PoolingMode pooling)
    {
        TinyBert.Write(folder.Path);
        TinyBert.AddModules(folder.Path, json, normalize: false);
        using LocalEmbedder plain = EmbedderFolder.Open(folder.Path);
        using BertEncoder encoder = BertEncoder.Load(folder.Path);
        Assert.Equal((pooling, false, 16, 20), (plain.Info.Pooling, plain.Info.Normalized, plain.Info.MaxTokens, plain.Info.Dimensions));
        float[][] states = [.. encoder.Encode([new([2, 5, 7, 3], new int[4], 0)]).ToArray().Chunk(20)];
        float[] expected = pooling switch
        {
            PoolingMode.Cls => states[0],
            PoolingMode.Mean => [.. Enumerable.Range(0, 20).Select(i => states.Average(row => row[i]))],
            _ => [.. Enumerable.Range(0, 20).Select(i => states.Max(row => row[i]))],
        };
        TextEmbedding actual = plain.Embed(["LEFT lung"], Token)[0];
        Assert.Equal((4, 0), (actual.Tokens, actual.Cut));
        AssertClose(expected, actual.Vector);

        TinyBert.AddModules(folder.Path, json, normalize: true);
        using LocalEmbedder normalised = EmbedderFolder.Open(folder.Path);
        float norm = MathF.Sqrt(expected.Sum(value => value * value));
        AssertClose([.. expected.Select(value => value / norm)], normalised.Embed(["left lung"], Token)[0].Vector);
    }

    [Fact]
    public async Task Vectors_keep_the_order_of_texts_and_do_not_depend_on_each_other()
    {
        TinyBert.Write(folder.Path);
        using LocalEmbedder embedder = EmbedderFolder.Open(folder.Path);
        string[] many = [.. Enumerable.Range(0, 400).Select(i => string.Join(' ', Enumerable.Repeat(Texts[i % 5], 1 + (i % 3))))];
        GeneratedEmbeddings<Embedding<float>> together = await embedder.GenerateAsync(many, cancellationToken: Token);
        Assert.Equal(many.Length, together.Count);
        Assert.All(many.Zip(together), pair => Assert.Equal(embedder.Embed([pair.First], Token)[0].Vector, pair.Second.Vector.ToArray()));
        Assert.Equal(many.Sum(text => embedder.Embed([text], Token)[0].Tokens), together.Usage!.InputTokenCount);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => embedder.GenerateAsync(many, cancellationToken: new CancellationToken(true)));
    }

    [Fact]
    public void A_text_too_long_is_cut_and_says_so()
    {
        TinyBert.Write(folder.Path);
        TinyBert.AddModules(folder.Path, "\"pooling_mode_mean_tokens\": true", normalize: true, maxTokens: 6);
        using LocalEmbedder embedder = EmbedderFolder.Open(folder.Path);
        TextEmbedding cut = embedder.Embed(["left lung no mass in the right lung"], Token)[0];
        Assert.Equal((6, 4), (cut.Tokens, cut.Cut));
        Assert.Equal(embedder.Embed(["left lung no mass"], Token)[0].Vector, cut.Vector);
    }

    [Fact]
    public void A_default_prompt_goes_before_every_text()
    {
        TinyBert.Write(folder.Path);
        TinyBert.AddModules(folder.Path, "\"pooling_mode_mean_tokens\": true", normalize: true);
        using LocalEmbedder plain = EmbedderFolder.Open(folder.Path);
        File.WriteAllText(folder.File("config_sentence_transformers.json"), """{"prompts": {"x": "no mass "}, "default_prompt_name": "x"}""");
        using LocalEmbedder prompted = EmbedderFolder.Open(folder.Path);
        Assert.Equal(plain.Embed(["no mass lung"], Token)[0].Vector, prompted.Embed(["lung"], Token)[0].Vector);
    }

    [Fact]
    public void A_hub_snapshot_has_the_repository_s_name()
    {
        string snapshot = Directory.CreateDirectory(folder.File("models--someone--MedEmbed/snapshots/0123abcd")).FullName;
        TinyBert.Write(snapshot);
        using LocalEmbedder embedder = EmbedderFolder.Open(snapshot + "/");
        Assert.Equal("someone/MedEmbed", embedder.Info.Name);
    }

    [Theory]
    [InlineData("F32")]
    [InlineData("F64")]
    [InlineData("F16")]
    public void Static_vectors_are_the_weighted_mean_of_mapped_rows(string weightType)
    {
        WriteStatic([.. Mapping.Select((_, i) => 0.5f * (i + 1))], weightType);
        using LocalEmbedder embedder = EmbedderFolder.Open(folder.Path);
        // Tokens 1 and 2 read rows 1 and 0; the unknown word is left out, a text of nothing else is zero.
        AssertClose([((1f * 3) + (1.5f * 1)) / 2, ((1f * 4) + (1.5f * 2)) / 2], embedder.Embed(["b zzz A"], Token)[0].Vector);
        Assert.Equal([0f, 0f], embedder.Embed(["zzz"], Token)[0].Vector);
        TextEmbedding cut = embedder.Embed([string.Join(' ', Enumerable.Repeat("a", 520))], Token)[0];
        Assert.Equal((512, 8), (cut.Tokens, cut.Cut));
    }

    [Fact]
    public void Static_files_that_do_not_fit_are_refused()
    {
        WriteStatic([1, 1, 1], "F32", mapping: [0, 1, 7]);
        Refused("row 7 of 2");
        WriteStatic([1, 1, 1], "F32", mapping: [0, 1]);
        Refused("covers 2 tokens");
        WriteStatic([1, 1], "F32");
        Refused("'weights' has shape [2]");
        WriteStatic([1, 1, float.NaN], "F32");
        Refused("NaN");
        WriteStatic([1, 1, 1], "I64");
        Refused("I64");
    }

    public void Dispose() => folder.Dispose();

    private static int[] Mapping => [0, 1, 0];

    private void Refused(string part) => Assert.Contains(part, Assert.Throws<MedixException>(() => EmbedderFolder.Open(folder.Path)).Message, StringComparison.Ordinal);

    private void WriteStatic(float[] weights, string weightType, int[]? mapping = null)
    {
        File.WriteAllText(folder.File("config.json"), """{"model_type": "model2vec", "normalize": false}""");
        File.WriteAllText(
            folder.File("tokenizer.json"),
            """
            {"normalizer": {"type": "BertNormalizer", "lowercase": true}, "pre_tokenizer": {"type": "BertPreTokenizer"},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "a": 1, "b": 2}}}
            """);
        mapping ??= Mapping;
        byte[] bytes = weightType switch
        {
            "F64" => MemoryMarshal.AsBytes(Array.ConvertAll(weights, value => (double)value).AsSpan()).ToArray(),
            "F16" => MemoryMarshal.AsBytes(Array.ConvertAll(weights, value => (Half)value).AsSpan()).ToArray(),
            "I64" => MemoryMarshal.AsBytes(Array.ConvertAll(weights, value => (long)value).AsSpan()).ToArray(),
            _ => MemoryMarshal.AsBytes(weights.AsSpan()).ToArray(),
        };
        SafetensorsWriter.Write(
            folder.File("model.safetensors"),
            [
                TensorData.FromFloat32("embeddings", [2, 2], [1, 2, 3, 4]), new TensorData("weights", weightType, [weights.Length], bytes),
                new TensorData("mapping", "I32", [mapping.Length], MemoryMarshal.AsBytes(mapping.AsSpan()).ToArray()),
            ]);
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
    }
}
