using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Medix.Inference.Kernels;
using Medix.Inference.Packed;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Text;
using Medix.Weights;

namespace Medix.Inference.Tests;

public sealed class PackedFileTests : IDisposable
{
    private static readonly CancellationToken Never = CancellationToken.None;
    private readonly string folder = Directory.CreateTempSubdirectory("medix-packed-").FullName;

    private string FilePath => Path.Combine(folder, PackedFile.FileName);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_packed_model_computes_the_same_bits()
    {
        foreach ((string name, Qwen3VLConfig config) in Shapes())
        {
            foreach (WeightStorage storage in Enum.GetValues<WeightStorage>())
            {
                using Qwen3VLModel model = RandomModels.Create(1, config, storage: storage);
                PackedModelWriter.Save(FilePath, name, model);
                using Qwen3VLModel packed = Qwen3VLModel.FromPacked(folder, model.Pool);
                ModelInput input = config.Vision is null ? RandomModels.Text(20, 3) : RandomModels.WithImage(20, 4, 8, 3);
                Assert.Equal(model.Logits(input), packed.Logits(input));
                Assert.Equal(config.Text.TieWordEmbeddings, packed.Config.Text.TieWordEmbeddings);
                Assert.Equal(model.WeightBytes, packed.WeightBytes);
                Assert.Equal(model.BytesPerToken, packed.BytesPerToken);
            }
        }
    }

    /// <summary>Programs that know no more refuse what they do not know.</summary>
    [Fact]
    public void The_plan_in_a_file_is_that_of_the_matrices()
    {
        using (Qwen3VLModel model = RandomModels.Create(1, RandomModels.Seeing, storage: WeightStorage.Q8))
        {
            PackedModelWriter.Save(FilePath, "x", model);
        }

        string file = Encoding.Latin1.GetString(File.ReadAllBytes(FilePath)), plan = file[(file.IndexOf("\"plan\":", StringComparison.Ordinal) + 7)..];
        using JsonDocument read = JsonDocument.Parse(plan[..plan.IndexOf(",\"tensors\"", StringComparison.Ordinal)]);
        Assert.Equal(
            ["embedding", "head", "queryKeyValue", "output", "gateUp", "down", "vision", "exceptions"], read.RootElement.EnumerateObject().Select(property => property.Name));
    }

    [Fact]
    public void Packing_one_matrix_at_a_time_writes_what_packing_in_memory_does()
    {
        foreach ((string name, Qwen3VLConfig config) in Shapes())
        {
            StoragePlan plan = StoragePlan.For(WeightStorage.Q4) with
            {
                Exceptions = new Dictionary<string, WeightStorage> { ["layers.1.down"] = WeightStorage.Q8, ["layers.1.experts.down"] = WeightStorage.Q8,
                    ["embedding"] = WeightStorage.Q4K },
            };
            Dictionary<string, float[]> parameters = RandomModels.Parameters(config, 5);
            WeightSource source = new(config, (parameter, start, values) => parameters[parameter].AsSpan((int)start, values.Length).CopyTo(values));
            using Qwen3VLModel model = Qwen3VLModel.FromReader(config, plan, source.Read);
            PackedModelWriter.Save(FilePath + "1", name, model);
            IReadOnlyList<TensorError> errors = PackedModelWriter.Write(
                FilePath + "2", name, source, plan, new Dictionary<string, float[]>(), WorkerPool.Shared, cancellationToken: Never);
            Assert.Equal(File.ReadAllBytes(FilePath + "1"), File.ReadAllBytes(FilePath + "2"));
            Assert.All(errors.Where(error => error.Storage == WeightStorage.Q4), error => Assert.InRange(error.Error, 0.04, 0.12));
            Assert.All(errors.Where(error => error.Storage == WeightStorage.Q8), error => Assert.InRange(error.Error, 0.001, 0.01));
            Assert.All(errors.Where(error => error.Name.EndsWith("router", StringComparison.Ordinal)), error => Assert.Equal(0, error.Error));
            Assert.Contains(errors, error => error.Storage == WeightStorage.Q4K && error.Name == "embedding");
            File.Delete(FilePath + "1");
            File.Delete(FilePath + "2");
        }
    }

    [Fact]
    public void Inputs_that_count_more_are_packed_closer()
    {
        Dictionary<string, float[]> parameters = RandomModels.Parameters(RandomModels.Seeing, 5);
        WeightSource source = new(RandomModels.Seeing, (parameter, start, values) => parameters[parameter].AsSpan((int)start, values.Length).CopyTo(values));
        StoragePlan plan = StoragePlan.All(WeightStorage.Q4);
        float[] importance = [.. Enumerable.Range(0, 48).Select(i => i % 7 == 0 ? 100f : 1f)];
        Dictionary<string, float[]> given = new() { ["layers.0.qkv"] = importance };
        double? Error(IReadOnlyDictionary<string, float[]> used) => MeasuredWith(source, plan, used, importance);
        Assert.True(Error(given) < 0.9 * Error(new Dictionary<string, float[]>()), $"{Error(given)} is not below {Error(new Dictionary<string, float[]>())}.");
    }

    [Fact]
    public void A_mapped_model_takes_adapters_and_no_weights()
    {
        using Qwen3VLModel model = RandomModels.Create(2, storage: WeightStorage.Q8);
        PackedModelWriter.Save(FilePath, "random", model);
        using Qwen3VLModel packed = Qwen3VLModel.FromPacked(FilePath);
        Assert.Contains("cannot be replaced", Assert.Throws<MedixException>(() => packed.UpdateWeights((_, _, _) => { })).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => packed.Text.Layers[0].Down.SetRows(0, new float[72], WorkerPool.Shared));
        Assert.Equal(model.PlaceNames, packed.PlaceNames);
    }

    [Fact]
    public void Damage_is_found_and_named()
    {
        Save();
        using (PackedFile whole = PackedFile.Open(FilePath))
        {
            Assert.Null(whole.FindDamage(cancellationToken: Never));
        }

        byte[] bytes = File.ReadAllBytes(FilePath);
        PackedTensor tensor;
        using (PackedFile file = PackedFile.Open(FilePath))
        {
            tensor = file.Tensors.First(tensor => tensor.Name == "layers.2.gate_up");
        }

        bytes[tensor.Offset + tensor.Bytes - 1] ^= 1;
        File.WriteAllBytes(FilePath, bytes);
        using PackedFile damaged = PackedFile.Open(FilePath);
        Assert.Equal(tensor.Name, damaged.FindDamage(cancellationToken: Never)?.Name);
    }

    [Fact]
    public void Any_changed_byte_before_the_tensors_is_refused()
    {
        Save();
        byte[] bytes = File.ReadAllBytes(FilePath);
        int end = PackedPrefix.Bytes + PackedPrefix.ReadHeader(FilePath).Length;
        foreach (int place in Enumerable.Range(0, end).Where(i => i < PackedPrefix.Bytes || i % 499 == 0))
        {
            byte[] changed = [.. bytes];
            changed[place] ^= 0x11;
            Refused(changed, "");
        }

        foreach (int length in (int[])[0, 5, 63, 64, end, bytes.Length - 1])
        {
            Refused(bytes[..length], "");
        }

        Refused([.. bytes, 0], "cut short or was changed");
    }

    [Fact]
    public void The_version_is_named()
    {
        Save();
        byte[] bytes = File.ReadAllBytes(FilePath);
        bytes[8] = 9;
        Refused(bytes, "version is 9");
    }

    [Fact]
    public void What_is_reserved_is_zero()
    {
        Save();
        byte[] bytes = File.ReadAllBytes(FilePath);
        bytes[15] = 1;
        Refused(bytes, "reserved word is 16777216, expected 0");
    }

    [Theory]
    [InlineData("tensors.1.offset", "8", "offset is 8")]
    [InlineData("tensors.1.offset", "9223372036854775744", "so that its")]
    [InlineData("tensors.1.offset", "-64", "offset is -64")]
    [InlineData("tensors.1.offset", "tensors.2.offset", "offset")]
    [InlineData("tensors.1.bytes", "1", "bytes is 1")]
    [InlineData("tensors.1.shape", "[2147483647, 2147483647]", "shape")]
    [InlineData("tensors.1.shape", "[0]", "shape")]
    [InlineData("tensors.1.shape", "[]", "shape")]
    [InlineData("tensors.1.shape", "null", "header")]
    [InlineData("tensors.1.storage", "\"q3\"", "header")]
    [InlineData("tensors.1.storage", "17", "storage is 17")]
    [InlineData("tensors.1.name", "\"embedding\"", "twice")]
    [InlineData("tensors.1.name", "\"other\"", "there is no tensor")]
    [InlineData("tensors.1.sha256", "\"00\"", "sha256")]
    [InlineData("tensors", "[]", "there is no tensor")]
    [InlineData("tensors.1", "null", "tensors is null")]
    [InlineData("plan.down", "\"q8\"", "the file's plan and config call for")]
    [InlineData("plan.vision", "99", "a storage 99")]
    [InlineData("plan", "null", "header")]
    [InlineData("config.text_config.hidden_size", "0", "config.text_config.hidden_size")]
    [InlineData("config.text_config.num_hidden_layers", "2147483647", "there is no tensor")]
    [InlineData("config.text_config.num_hidden_layers", "2", "none of the model")]
    [InlineData("config", "3", "config is")]
    public void Headers_that_contradict_themselves_are_refused(string field, string value, string part)
    {
        Save();
        byte[] bytes = File.ReadAllBytes(FilePath), header = PackedPrefix.ReadHeader(FilePath);
        JsonNode root = JsonNode.Parse(header)!;
        string[] path = field.Split('.');
        JsonNode parent = path[..^1].Aggregate(root, Step);
        JsonNode? replacement = value.StartsWith("tensors.", StringComparison.Ordinal) ? value.Split('.').Aggregate(root, Step).DeepClone() : JsonNode.Parse(value);
        if (parent is JsonArray list)
        {
            list[int.Parse(path[^1], System.Globalization.CultureInfo.InvariantCulture)] = replacement;
        }
        else
        {
            parent[path[^1]] = replacement;
        }

        byte[] changed = System.Text.Encoding.UTF8.GetBytes(root.ToJsonString());
        using MemoryStream file = new();
        file.Write(PackedPrefix.Write(changed, bytes.Length));
        file.Write(changed);
        int start = (int)file.Length;
        Refused([.. file.ToArray(), .. bytes.AsSpan(Math.Min(start, bytes.Length)..)], part, () => Qwen3VLModel.FromPacked(FilePath).Dispose());
    }

    [Fact]
    public void Cancelled_work_leaves_nothing()
    {
        Dictionary<string, float[]> parameters = RandomModels.Parameters(RandomModels.Seeing, 5);
        using CancellationTokenSource cancel = new();
        int read = 0;
        WeightSource source = new(RandomModels.Seeing, (parameter, start, values) =>
        {
            if (read++ == 30)
            {
                cancel.Cancel();
            }

            parameters[parameter].AsSpan((int)start, values.Length).CopyTo(values);
        });
        Assert.Throws<OperationCanceledException>(() => PackedModelWriter.Write(
            FilePath, "random", source, StoragePlan.All(WeightStorage.Q4), new Dictionary<string, float[]>(), WorkerPool.Shared, cancellationToken: cancel.Token));
        Assert.Empty(Directory.GetFiles(folder));
    }

    /// <summary>Dense and tied with vision; untied, text only; a mixture with one dense layer.</summary>
    internal static IEnumerable<(string Name, Qwen3VLConfig Config)> Shapes()
    {
        Qwen3VLConfig seeing = RandomModels.Seeing;
        yield return ("seeing", seeing);
        yield return ("text", seeing with { Architecture = "Qwen3ForCausalLM", Vision = null, Text = seeing.Text with { TieWordEmbeddings = false, MropeSection = null } });
        yield return ("mixture", seeing with
        {
            Architecture = "Qwen3VLMoeForConditionalGeneration",
            Text = seeing.Text with { Experts = 5, ExpertsPerToken = 2, ExpertIntermediate = 24, DenseLayers = [0] },
        });
    }

    private static JsonNode Step(JsonNode node, string step) => node is JsonArray array ? array[int.Parse(step, System.Globalization.CultureInfo.InvariantCulture)]! : node[step]!;

    private double? MeasuredWith(WeightSource source, StoragePlan plan, IReadOnlyDictionary<string, float[]> used, float[] importance)
    {
        PackedModelWriter.Write(FilePath, "random", source, plan, used, WorkerPool.Shared, cancellationToken: Never);
        using Qwen3VLModel packed = Qwen3VLModel.FromPacked(FilePath);
        using Qwen3VLModel original = Qwen3VLModel.FromReader(source.Config, StoragePlan.All(WeightStorage.Fp32), source.Read);
        PackingError error = new();
        PackedMatrix matrix = original.Text.Layers[0].QueryKeyValue;
        float[] weights = new float[matrix.N * matrix.K];
        for (int row = 0; row < matrix.N; row++)
        {
            CopyRow(matrix, row, weights.AsSpan(row * matrix.K));
        }

        error.Add(packed.Text.Layers[0].QueryKeyValue, 0, weights, importance, WorkerPool.Shared);
        return error.RelativeOfOutputs;
    }

    private static unsafe void CopyRow(PackedMatrix matrix, int row, Span<float> target)
    {
        fixed (float* pointer = target)
        {
            matrix.CopyRow(row, pointer);
        }
    }

    private void Save()
    {
        using Qwen3VLModel model = RandomModels.Create(2, storage: WeightStorage.Q4);
        PackedModelWriter.Save(FilePath, "random", model);
    }

    private void Refused(byte[] bytes, string part, Action? open = null)
    {
        File.WriteAllBytes(FilePath, bytes);
        string message = Assert.Throws<MedixException>(open ?? (() => PackedFile.Open(FilePath).Dispose())).Message;
        Assert.Contains(FilePath, message, StringComparison.Ordinal);
        Assert.Contains(part, message, StringComparison.Ordinal);
    }
}
