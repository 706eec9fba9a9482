using Medix.Inference.Kernels;
using Medix.Inference.Packed;
using Medix.Inference.Quantising;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
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
    /// calibration inputs are random tokens, never the cases.
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
            CalibrationSet set = new("random tokens", Draw(checkpoint.Config, 4, 1), Draw(checkpoint.Config, 4, 2));
            ModelQuantiser quantiser = new(WeightSource.Of(checkpoint), new QuantiseOptions(WeightStorage.Q4, allowed), WorkerPool.Shared);
            QuantisedModel made = quantiser.Write(FilePath, source, reference, set, TestContext.Current.CancellationToken);
            Assert.Equal(before, reference.Logits(cases[0]));
            DivergenceMeter meter = new(reference, cases, TestContext.Current.CancellationToken);
            using Qwen3VLModel packed = Qwen3VLModel.FromPacked(FilePath);
            double divergence = meter.Divergence(packed, TestContext.Current.CancellationToken);
            string kept = string.Join(", ", made.Groups.Where(group => group.Kept).Select(group => group.Name));
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"{Path.GetFileName(source)}: {divergence:0.0000} on the cases, {made.Text!.Divergence.Mean:0.0000} measured; {made.Groups.Count(g => !g.Kept)} of {made.Groups.Count} in 4 bits; 8 bits: {kept}");
            Assert.InRange(divergence, 1e-5, allowed);
            Assert.Contains(made.Groups, group => !group.Kept);
        }
    }

    private static ModelInput[] Cases(string source, Qwen3VLConfig config)
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
        return [.. Enumerable.Range(0, count).Select(_ => new ModelInput([.. Enumerable.Range(0, 48).Select(_ => random.Pick(usual))], [], []))];
    }
}
