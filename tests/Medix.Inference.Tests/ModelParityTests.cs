using System.Globalization;
using Medix.Imaging;
using Medix.Inference.Generation;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Weights;

namespace Medix.Inference.Tests;

/// <summary>The engine against the reference implementation's outputs. Tolerances stand in the goldens' README.</summary>
[Trait("Category", "Parity")]
public class ModelParityTests
{
    private const float Tolerance = 2e-4f;

    [Fact]
    public void Every_intermediate_and_output_of_every_case_equals_the_reference()
    {
        int compared = 0;
        foreach (string folder in ModelCases.Folders())
        {
            using Checkpoint checkpoint = Checkpoint.Open(folder);
            using Qwen3VLModel model = Qwen3VLModel.FromCheckpoint(checkpoint);
            foreach (string path in ModelCases.Files(folder, "case-*.safetensors").Where(path => !path.Contains(".bf16.", StringComparison.Ordinal)))
            {
                compared += CheckCase(model, path, Tolerance);
            }
        }

        Assert.True(compared > 0, "There was no case to compare.");
    }

    [Fact]
    public void Shards_and_the_newer_spelling_of_the_configuration_give_the_same_logits()
    {
        int compared = 0;
        foreach (string folder in ModelCases.Folders())
        {
            using Checkpoint checkpoint = Checkpoint.Open(folder);
            string path = ModelCases.Files(folder, "case-text.safetensors").Single();
            string newer = Path.Combine(folder, "config.v5.json");
            if (File.Exists(newer))
            {
                // Whether the head is tied is for the weights to say: flags disagree with files in practice.
                Qwen3VLConfig config = ModelConfigReader.Read(newer);
                config = config with { Text = config.Text with { TieWordEmbeddings = checkpoint.Config.Text.TieWordEmbeddings } };
                using Qwen3VLModel model = Qwen3VLModel.FromParameters(config, checkpoint.ReadFloat32);
                compared += CheckCase(model, path, Tolerance);
            }

            string other = Path.Combine(folder, "model.v5-layout.safetensors");
            if (File.Exists(other))
            {
                using Checkpoint turned = Checkpoint.Open(other);
                using Qwen3VLModel model = Qwen3VLModel.FromCheckpoint(turned);
                compared += CheckCase(model, path, Tolerance);
            }

            if (Directory.Exists(Path.Combine(folder, "sharded")))
            {
                using Checkpoint shards = Checkpoint.Open(Path.Combine(folder, "sharded"));
                using Qwen3VLModel model = Qwen3VLModel.FromCheckpoint(shards);
                compared += CheckCase(model, path, Tolerance);
            }
        }

        Assert.True(compared > 0, "There was no second spelling and no sharded checkpoint.");
    }

    /// <summary>
    /// The reference rounds weights and every intermediate value to bfloat16 (8 bits of precision); we round the weights only. Its own distance to fp32 is the
    /// yardstick: the engine with bfloat16 weights must be closer to the fp32 reference than the bfloat16 reference is.
    /// </summary>
    [Fact]
    public void Bfloat16_weights_stay_closer_to_full_precision_than_the_bfloat16_reference()
    {
        int compared = 0;
        foreach (string folder in ModelCases.Folders())
        {
            using Checkpoint checkpoint = Checkpoint.Open(folder);
            using Qwen3VLModel model = Qwen3VLModel.FromCheckpoint(checkpoint, WeightStorage.Bf16);
            foreach (string path in ModelCases.Files(folder, "case-*.bf16.safetensors"))
            {
                using SafetensorsFile half = SafetensorsFile.Open(path);
                using SafetensorsFile full = SafetensorsFile.Open(path.Replace(".bf16.", ".", StringComparison.Ordinal));
                float[] expected = full.ReadFloat32("logits"), reference = half.ReadFloat32("logits");
                float[] actual = model.Logits(ModelCases.Rows(full, model.Config).Single().Input);
                double ours = RootMeanSquare(expected, actual), theirs = RootMeanSquare(expected, reference);
                Assert.True(ours < theirs, $"{path}: bf16 weights are {ours} from fp32, the bf16 reference {theirs}");
                Assert.True(ours > 0, $"{path}: nothing was rounded");
                compared++;
            }
        }

        Assert.True(compared > 0, "There was no bfloat16 case.");
    }

    [Fact]
    public void Greedy_generation_gives_the_reference_tokens_and_logits_at_every_step()
    {
        int compared = 0;
        foreach (string folder in ModelCases.Folders())
        {
            using Checkpoint checkpoint = Checkpoint.Open(folder);
            using Qwen3VLModel model = Qwen3VLModel.FromParameters(checkpoint.Config with { EosTokenIds = [] }, checkpoint.ReadFloat32);
            foreach (string path in ModelCases.Files(folder, "greedy-*.safetensors"))
            {
                using SafetensorsFile file = SafetensorsFile.Open(path);
                CheckGreedy(model, file, path);
                compared++;
            }
        }

        Assert.True(compared > 0, "There was no greedy case.");
    }

    private static void CheckGreedy(Qwen3VLModel model, SafetensorsFile file, string path)
    {
        int[] expected = [.. file.ReadInt64("generated").Select(id => (int)id)];
        float[] stepLogits = file.ReadFloat32("step_logits");
        int vocabulary = model.Config.Text.VocabularySize;
        float[] seen = new float[stepLogits.Length];
        BatchedGenerator generator = new(model) { ObserveLogits = (_, step, logits) => logits.CopyTo(seen.AsSpan(step * vocabulary)) };
        GenerationRequest request = new(ModelCases.Rows(file, model.Config).Single().Input, [1]);
        Completion completion = generator.Generate(
            [request], new SamplingOptions(expected.Length, Temperature: 0), null, TestContext.Current.CancellationToken)[0][0];
        Assert.Equal(expected, completion.Tokens);
        Assert.Equal(FinishReason.Length, completion.FinishReason);
        for (int i = 0; i < seen.Length; i++)
        {
            bool banned = stepLogits[i] < -1e29f;
            Assert.True(banned || Math.Abs(stepLogits[i] - seen[i]) < Tolerance, $"{path}: step logit {i} is {seen[i]}, expected {stepLogits[i]}");
        }
    }

    private static int CheckCase(Qwen3VLModel model, string path, float tolerance)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        IReadOnlyList<CaseRow> rows = ModelCases.Rows(file, model.Config);
        Dictionary<string, List<float>> vision = [];
        int length = (int)file.Tensors["input_ids"].Shape[1], vocabulary = model.Config.Text.VocabularySize, compared = 0;
        double loss = 0;
        int targets = 0;
        foreach (CaseRow row in rows)
        {
            float[] logits = new float[row.Places.Length * vocabulary];
            Dictionary<string, List<float>> text = [];
            model.Forward(
                row.Input,
                (_, token, values) => values.CopyTo(logits.AsSpan(token * vocabulary)),
                (name, values) => Collect(name.StartsWith("vision", StringComparison.Ordinal) ? vision : text, name, values));
            text["logits"] = [.. logits];
            foreach ((string name, List<float> values) in text.Where(pair => file.Tensors.ContainsKey(pair.Key)))
            {
                int width = values.Count / row.Places.Length;
                float[] all = file.Tensors[name].DType == "I64" ? Array.ConvertAll(file.ReadInt64(name), value => (float)value) : file.ReadFloat32(name);
                float[] expected = [.. row.Places.SelectMany(place => all[(((row.Index * length) + place) * width)..][..width])];
                AssertClose(path, name, expected, [.. values], tolerance);
                compared++;
            }

            compared += CheckProbabilities(file, path, row, logits, length, tolerance);
            (loss, targets) = AddLoss(file, row, logits, length, loss, targets);
        }

        foreach ((string name, List<float> values) in vision.Where(pair => file.Tensors.ContainsKey(pair.Key)))
        {
            AssertClose(path, name, file.ReadFloat32(name), [.. values], tolerance);
            compared++;
        }

        Assert.InRange(loss / targets - file.ReadFloat32("loss")[0], -tolerance, tolerance);
        return compared;
    }

    private static void Collect(Dictionary<string, List<float>> values, string name, ReadOnlySpan<float> part)
    {
        values.TryAdd(name, []);
        values[name].AddRange(part);
    }

    /// <summary>logprobs.t… and entropy.t… [B, T-1] where this token and the next are not padding.</summary>
    private static int CheckProbabilities(SafetensorsFile file, string path, CaseRow row, float[] logits, int length, float tolerance)
    {
        int compared = 0, vocabulary = logits.Length / row.Places.Length;
        foreach (string name in file.Tensors.Keys.Where(key => key.StartsWith("logprobs.t", StringComparison.Ordinal)))
        {
            string suffix = name["logprobs.t".Length..];
            double temperature = double.Parse(suffix, CultureInfo.InvariantCulture);
            float[] expected = file.ReadFloat32(name), entropy = file.ReadFloat32("entropy.t" + suffix);
            for (int i = 0; i + 1 < row.Places.Length; i++)
            {
                double[] log = LogSoftmax(logits.AsSpan(i * vocabulary, vocabulary), temperature);
                int at = (row.Index * (length - 1)) + row.Places[i];
                Assert.True(Math.Abs(log[row.Input.Tokens[i + 1]] - expected[at]) < tolerance, $"{path}: {name}[{at}]");
                Assert.True(Math.Abs(-log.Sum(l => Math.Exp(l) * l) - entropy[at]) < tolerance, $"{path}: entropy.t{suffix}[{at}]");
            }

            compared++;
        }

        return compared;
    }

    private static (double Loss, int Targets) AddLoss(SafetensorsFile file, CaseRow row, float[] logits, int length, double loss, int targets)
    {
        long[] labels = file.ReadInt64("labels");
        int vocabulary = logits.Length / row.Places.Length;
        for (int i = 0; i + 1 < row.Places.Length; i++)
        {
            long label = labels[(row.Index * length) + row.Places[i + 1]];
            if (label >= 0)
            {
                loss -= LogSoftmax(logits.AsSpan(i * vocabulary, vocabulary), 1)[label];
                targets++;
            }
        }

        return (loss, targets);
    }

    private static double[] LogSoftmax(ReadOnlySpan<float> logits, double temperature)
    {
        double[] scaled = new double[logits.Length];
        for (int i = 0; i < scaled.Length; i++)
        {
            scaled[i] = logits[i] / temperature;
        }

        double max = scaled.Max(), sum = Math.Log(scaled.Sum(value => Math.Exp(value - max)));
        return [.. scaled.Select(value => value - max - sum)];
    }

    private static double RootMeanSquare(float[] a, float[] b) => Math.Sqrt(a.Zip(b, (x, y) => (double)(x - y) * (x - y)).Average());

    private static void AssertClose(string path, string name, float[] expected, float[] actual, float tolerance)
    {
        Assert.True(expected.Length == actual.Length, $"{path}: {name} has {actual.Length} values, expected {expected.Length}");
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(Math.Abs(expected[i] - actual[i]) < tolerance, $"{path}: {name}[{i}] is {actual[i]}, expected {expected[i]}");
        }
    }
}
