using CsCheck;
using Medix.Inference.Embedder;
using Medix.Inference.Kernels;
using Medix.Runs;
using Medix.Text.Encoders;
using Medix.Weights;
using Medix.Weights.Encoders;

namespace Medix.Inference.Tests.Embedder;

public sealed class BertEncoderTests : IDisposable
{
    private static readonly Gen<EncodedText> Texts =
        Gen.Select(Gen.Int[0, TinyBert.Config.VocabularySize - 1], Gen.Int[0, 1]).Array[1, TinyBert.Config.MaxPositions]
            .Select(tokens => new EncodedText([.. tokens.Select(token => token.Item1)], [.. tokens.Select(token => token.Item2)], 0));

    private readonly TestFolder folder = new();

    [Theory]
    [InlineData("gelu", BertActivation.Gelu)]
    [InlineData("gelu_new", BertActivation.GeluTanh)]
    [InlineData("relu", BertActivation.Relu)]
    public void The_encoder_computes_its_formulas(string name, BertActivation activation)
    {
        Dictionary<string, float[]> parameters = TinyBert.Write(folder.Path, activation: name);
        using BertEncoder encoder = BertEncoder.Load(folder.Path);
        PlainBert plain = new(TinyBert.Config with { Activation = activation }, parameters);
        Texts.Array[1, 5].Sample(
            texts => AssertClose([.. texts.SelectMany(plain.Encode).SelectMany(row => row)], encoder.Encode(texts), 1e-4), iter: 20, threads: 1);
    }

    [Fact]
    public void A_text_does_not_depend_on_its_neighbours_nor_on_the_threads()
    {
        TinyBert.Write(folder.Path);
        using WorkerPool one = new(1);
        using BertEncoder encoder = BertEncoder.Load(folder.Path), alone = BertEncoder.Load(folder.Path, one);
        Texts.Array[1, 30].Sample(
            texts =>
            {
                float[] together = encoder.Encode(texts).ToArray();
                int row = 0;
                foreach (EncodedText text in texts)
                {
                    int values = text.Ids.Length * TinyBert.Config.Hidden;
                    Assert.Equal(together[row..(row + values)], alone.Encode([text]).ToArray());
                    row += values;
                }
            },
            iter: 20,
            threads: 1);
    }

    [Theory]
    [InlineData("F16")]
    [InlineData("BF16")]
    public void Half_precision_weights_are_widened_exactly(string dtype)
    {
        Dictionary<string, float[]> rounded = TinyBert.Write(folder.Path, dtype: dtype);
        using BertEncoder encoder = BertEncoder.Load(folder.Path);
        EncodedText text = new([2, 6, 7, 3], [0, 0, 1, 1], 0);
        AssertClose([.. new PlainBert(TinyBert.Config, rounded).Encode(text).SelectMany(row => row)], encoder.Encode([text]), 1e-4);
    }

    [Fact]
    public void Prefixed_and_old_names_and_shards_are_the_same_model()
    {
        TinyBert.Write(folder.Path);
        EncodedText[] texts = [new([2, 6, 7, 3], [0, 0, 1, 1], 0)];
        float[] expected = Encode(folder.Path, texts);
        using TestFolder old = new(), shards = new();
        TinyBert.Write(old.Path, rename: name => "bert." + name.Replace("LayerNorm.weight", "LayerNorm.gamma", StringComparison.Ordinal)
            .Replace("LayerNorm.bias", "LayerNorm.beta", StringComparison.Ordinal));
        Assert.Equal(expected, Encode(old.Path, texts));

        TinyBert.WriteConfig(shards.Path, TinyBert.Config);
        using SafetensorsFile whole = SafetensorsFile.Open(folder.File("model.safetensors"));
        string[][] parts = [.. whole.Tensors.Keys.Chunk(7)];
        string map = string.Join(',', parts.SelectMany((names, i) => names.Select(name => $"\"{name}\": \"model-{i}.safetensors\"")));
        File.WriteAllText(shards.File("model.safetensors.index.json"), $$"""{"weight_map": { {{map}} } }""");
        foreach ((string[] names, int i) in parts.Select((names, i) => (names, i)))
        {
            SafetensorsWriter.Write(
                shards.File($"model-{i}.safetensors"),
                [.. names.Select(name => new TensorData(name, whole.Tensors[name].DType, whole.Tensors[name].Shape, whole.Bytes(name).ToArray()))]);
        }

        Assert.Equal(expected, Encode(shards.Path, texts));
        File.Delete(shards.File("model-1.safetensors"));
        Assert.Contains("model-1.safetensors", Assert.Throws<MedixException>(() => BertEncoder.Load(shards.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_pooler_is_read_where_it_is_there()
    {
        Dictionary<string, float[]> parameters = TinyBert.Write(folder.Path);
        using BertEncoder encoder = BertEncoder.Load(folder.Path);
        EncodedText[] texts = [new([2, 5, 3], [0, 0, 0], 0), new([2, 3], [0, 0], 0)];
        float[] states = encoder.Encode(texts).ToArray(), pooled = encoder.Pool(texts);
        int h = TinyBert.Config.Hidden;
        double[] expected = [.. new[] { 0, 3 }.SelectMany(row => Enumerable.Range(0, h).Select(i =>
            Math.Tanh(parameters["pooler.dense.bias"][i] + Enumerable.Range(0, h).Sum(j => states[(row * h) + j] * parameters["pooler.dense.weight"][(i * h) + j]))))];
        AssertClose(expected, pooled, 1e-5);
    }

    [Fact]
    public void Input_outside_the_model_is_refused_before_any_work()
    {
        TinyBert.Write(folder.Path);
        using BertEncoder encoder = BertEncoder.Load(folder.Path);
        EncodedText[] wrong =
        [
            new([], [], 0), new(new int[17], new int[17], 0), new([99], [0], 0), new([-1], [0], 0), new([1], [2], 0), new([1, 1], [0], 0),
        ];
        Assert.All(wrong, text => Assert.Throws<ArgumentException>(() => encoder.Encode([text]).Length));
        Assert.Equal(0, encoder.Encode([]).Length);
    }

    public void Dispose() => folder.Dispose();

    private static float[] Encode(string path, EncodedText[] texts)
    {
        using BertEncoder encoder = BertEncoder.Load(path);
        return encoder.Encode(texts).ToArray();
    }

    private static void AssertClose(double[] expected, ReadOnlySpan<float> actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], actual[i], tolerance);
        }
    }
}
