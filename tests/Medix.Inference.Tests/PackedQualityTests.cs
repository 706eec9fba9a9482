using Medix.Imaging;
using Medix.Inference.Kernels;
using Medix.Inference.Packed;
using Medix.Inference.Quantising;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Testing;
using Medix.Text;
using Medix.Weights;

namespace Medix.Inference.Tests;

public sealed class PackedQualityTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("medix-quantised-").FullName;

    private string FilePath => Path.Combine(folder, PackedFile.FileName);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>
    /// The reference models' weights are random and their states 64 wide, which 4-bit numbers suit less than trained ones; what they cost most is kept in 8 bits. The
    /// calibration inputs are random tokens and pictures, never the cases.
    /// </summary>
    [Fact]
    [Trait("Category", "Parity")]
    public void Four_bit_models_stay_within_the_allowed_divergence_of_the_reference_cases()
    {
        const double allowed = 0.02;
        foreach (string source in ModelCases.Folders())
        {
            using Checkpoint checkpoint = Checkpoint.Open(source);
            using Qwen3VLModel reference = Qwen3VLModel.FromCheckpoint(checkpoint, WeightStorage.Bf16);
            ModelInput[] cases = Cases(source, checkpoint.Config);
            Assert.NotEmpty(cases);
            float[] before = reference.Logits(cases[0]);
            CalibrationSet set = new("random tokens", Draw(checkpoint.Config, 4, 1), Draw(checkpoint.Config, 6, 2));
            ModelQuantiser quantiser = new(WeightSource.Of(checkpoint), new QuantiseOptions(WeightStorage.Q4), WorkerPool.Shared);
            QuantisedModel made = quantiser.Write(FilePath, source, reference, set, TestContext.Current.CancellationToken);
            Assert.Equal(before, reference.Logits(cases[0]));
            DivergenceMeter meter = new(reference, cases, TestContext.Current.CancellationToken);
            using Qwen3VLModel packed = Qwen3VLModel.FromPacked(FilePath);
            double divergence = meter.Divergence(packed, TestContext.Current.CancellationToken);
            string kept = string.Join(", ", made.Groups.Where(group => group.Kept).Select(group => group.Name));
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"{Path.GetFileName(source)}: {divergence:0.0000} on the cases, {made.Text!.Divergence.Mean:0.0000} measured; {made.Groups.Count(g => !g.Kept)} of "
                    + $"{made.Groups.Count} in 4 bits; 8 bits: {kept}");
            Assert.InRange(divergence, 1e-5, allowed);
            Assert.Contains(made.Groups, group => !group.Kept);
        }
    }

    [Fact]
    public void What_costs_most_per_byte_is_kept()
    {
        GroupCost[] groups =
        [
            new("cheap", ["a"], 0.001, 1000, false), new("dear", ["b", "c"], 0.02, 1000, false), new("dear but large", ["d"], 0.005, 100_000, false),
            new("small", ["e"], 0.006, 10, false),
        ];
        IReadOnlyList<GroupCost> chosen = PlanChoice.Choose(groups, 0.01);
        Assert.Equal(["dear", "small"], chosen.Where(group => group.Kept).Select(group => group.Name));
        StoragePlan plan = PlanChoice.Apply(StoragePlan.For(WeightStorage.Q4), chosen);
        Assert.Equal(["b", "c", "e"], plan.Exceptions.Keys.Order());
        Assert.All(plan.Exceptions.Values, storage => Assert.Equal(WeightStorage.Q8, storage));
        Assert.All(PlanChoice.Choose(groups, double.NegativeInfinity), group => Assert.True(group.Kept));
    }

    [Fact]
    public async Task A_packed_folder_and_its_original_open_alike()
    {
        string nano = Path.Combine(Repository.Root, "models", "nano"), packed = Path.Combine(folder, "packed");
        QuantiseJob job = new(new QuantiseJobOptions(new QuantiseOptions(WeightStorage.Q8), QuantiseJobOptions.NoCalibration), WorkerPool.Shared);
        QualityReport report = await job.RunAsync(nano, packed, TestContext.Current.CancellationToken);
        Assert.NotEmpty(report.Skipped);
        using LoadedModel original = ModelFolder.Open(nano, WeightStorage.Q8), opened = ModelFolder.Open(packed),
            file = ModelFolder.Open(Path.Combine(packed, PackedFile.FileName));
        Assert.Equal((ModelFileKind.Checkpoint, ModelFileKind.Packed), (original.Kind, opened.Kind));
        ModelInput input = original.RequirePrompts().Build([PromptMessage.FromText("user", "Which side is shown?")], []);
        Assert.Equal(original.Model.Logits(input), opened.Model.Logits(input));
        Assert.Equal(input.Tokens, file.RequirePrompts().Build([PromptMessage.FromText("user", "Which side is shown?")], []).Tokens);
        Assert.Equal(original.Model.Config.EosTokenIds, opened.Model.Config.EosTokenIds);
        Assert.Equal(original.Images.MaxPixels, opened.Images.MaxPixels);
        Assert.Contains("stored as Q8", Assert.Throws<MedixException>(() => ModelFolder.Open(packed, WeightStorage.Q4)).Message, StringComparison.Ordinal);
        Assert.Throws<MedixException>(() => ModelFolder.Open(Path.Combine(folder, "nothing")));
        File.WriteAllText(Path.Combine(packed, "tokenizer.json"), "{");
        Assert.Contains("tokenizer.json", Assert.Throws<MedixException>(() => ModelFolder.Open(packed)).Message, StringComparison.Ordinal);
        using Qwen3VLModel alone = ModelFolder.OpenModel(packed);
        Assert.Equal(opened.Model.Logits(input), alone.Logits(input));
    }

    [Fact]
    public async Task Interrupted_work_leaves_nothing()
    {
        string nano = Path.Combine(Repository.Root, "models", "nano");
        foreach (string work in (string[])["calibrating", "measuring what 4 bits cost", "packing", "answers of the original"])
        {
            using CancellationTokenSource cancel = new();
            QuantiseJobOptions options = new(new QuantiseOptions(WeightStorage.Q4, work[0] == 'm' ? 0.02 : double.PositiveInfinity), Questions: 9, MaxTokens: 2);
            QuantiseJob job = new(options, WorkerPool.Shared, progress =>
            {
                if (progress.Work == work && progress.Done > 0)
                {
                    cancel.Cancel();
                }
            });
            await Assert.ThrowsAsync<OperationCanceledException>(() => job.RunAsync(nano, Path.Combine(folder, "out"), cancel.Token));
            Assert.Empty(Directory.GetFileSystemEntries(folder));
        }
    }

    /// <summary>Inputs of very unequal channels, as trained models have them, made by the norms: there weighting must pay.</summary>
    [Fact]
    public void Calibration_lowers_the_divergence_and_packs_alike_each_time()
    {
        Dictionary<string, float[]> parameters = RandomModels.Parameters(RandomModels.Seeing, 5);
        foreach ((string name, float[] values) in parameters.Where(pair => pair.Key.EndsWith("layernorm.weight", StringComparison.Ordinal)))
        {
            parameters[name] = [.. values.Select((value, i) => i % 6 == 0 ? 12 * value : value)];
        }

        WeightSource source = new(RandomModels.Seeing, (parameter, start, values) => parameters[parameter].AsSpan((int)start, values.Length).CopyTo(values));
        using Qwen3VLModel reference = Qwen3VLModel.FromReader(source.Config, StoragePlan.All(WeightStorage.Fp32), source.Read);
        CalibrationSet set = new("random", Draw(source.Config, 6, 1), Draw(source.Config, 8, 2));
        void Pack(string name, int threads)
        {
            using WorkerPool pool = new(threads);
            ModelQuantiser quantiser = new(source, new QuantiseOptions(WeightStorage.Q4, double.PositiveInfinity), pool);
            quantiser.Write(Path.Combine(folder, name), "random", reference, set, TestContext.Current.CancellationToken);
        }

        Pack("1", 1);
        Pack("2", 3);
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder, "1")), File.ReadAllBytes(Path.Combine(folder, "2")));
        Dictionary<string, float[]> importance = ActivationStatistics.Collect(reference, set.Learn, null, TestContext.Current.CancellationToken);
        DivergenceMeter meter = new(reference, set.Measure, TestContext.Current.CancellationToken);
        StoragePlan plan = StoragePlan.All(WeightStorage.Q8) with { QueryKeyValue = WeightStorage.Q4, GateUp = WeightStorage.Q4 };
        double Divergence(IReadOnlyDictionary<string, float[]> used)
        {
            PackedModelWriter.Write(FilePath, "random", source, plan, used, WorkerPool.Shared, null, TestContext.Current.CancellationToken);
            using Qwen3VLModel packed = Qwen3VLModel.FromPacked(FilePath);
            return meter.Divergence(packed, TestContext.Current.CancellationToken);
        }

        (double with, double without) = (Divergence(importance), Divergence(new Dictionary<string, float[]>()));
        TestContext.Current.TestOutputHelper?.WriteLine($"{without:0.0000} nats without, {with:0.0000} with calibration");
        Assert.True(with < 0.8 * without, $"{with} with calibration, {without} without.");
    }

    internal static ModelInput[] Cases(string source, Qwen3VLConfig config)
    {
        List<ModelInput> inputs = [];
        foreach (string path in ModelCases.Files(source, "case-*.safetensors").Where(path => !path.Contains(".bf16.", StringComparison.Ordinal)))
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            inputs.AddRange(ModelCases.Rows(file, config).Select(row => row.Input));
        }

        return [.. inputs];
    }

    private static ModelInput[] Draw(Qwen3VLConfig config, int count, ulong seed)
    {
        int[] special = [config.ImageTokenId, config.VideoTokenId, config.VisionStartTokenId, config.VisionEndTokenId];
        SeededRandom random = Seed.Random(seed);
        int[] usual = [.. Enumerable.Range(0, config.Text.VocabularySize).Where(token => !special.Contains(token))];
        return [.. Enumerable.Range(0, count).Select(i => i % 2 == 1 && config.Vision is { } vision ? WithPicture(config, vision, usual, random) : Text(usual, random))];
    }

    private static ModelInput Text(int[] usual, SeededRandom random) => new([.. Enumerable.Range(0, 48).Select(_ => random.Pick(usual))], [], []);

    private static ModelInput WithPicture(Qwen3VLConfig config, VisionConfig vision, int[] usual, SeededRandom random)
    {
        ImageGrid grid = new(1, 2 * vision.SpatialMergeSize, 3 * vision.SpatialMergeSize);
        float[] patches = [.. Enumerable.Range(0, grid.Patches * vision.PatchLength).Select(_ => (float)random.NextNormal())];
        int[] tokens = Text(usual, random).Tokens;
        return new ModelInput(
            [.. tokens[..4], config.VisionStartTokenId, .. Enumerable.Repeat(config.ImageTokenId, 6), config.VisionEndTokenId, .. tokens[4..]], patches, [grid]);
    }
}
