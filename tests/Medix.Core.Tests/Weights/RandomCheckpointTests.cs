using Medix.Runs;
using Medix.Weights;
using Medix.Weights.Creation;

namespace Medix.Core.Tests.Weights;

public sealed class RandomCheckpointTests
{
    private static readonly Qwen3VLConfig Small = new(
        "Qwen3VLMoeForConditionalGeneration",
        new TextConfig(300, 32, 2, 4, 2, 8, 48, 1e-6, 5_000_000, [2, 1, 1], 512, false, 4, 2, 24, [0]),
        new VisionConfig(2, 24, 2, 40, 32, 16, 2, 2, 3, 64, [0]), 290, 291, 292, 293, [294, 295]);

    [Theory]
    [InlineData("qwen3-vl-2b", 310, 315, 1_720_574_976, 406_957_056)]
    [InlineData("qwen3-vl-4b", 398, 315, 4_022_468_096, 415_347_712)]
    [InlineData("qwen3-vl-8b", 399, 351, 8_190_735_360, 576_388_336)]
    [InlineData("qwen3-vl-30b-a3b", 531, 351, 30_532_122_624, 538_631_408)]
    public void Presets_have_the_published_tensors_and_parameters(string name, int textTensors, int visionTensors, long textParameters, long visionParameters)
    {
        ILookup<bool, ExpectedTensor> tensors = ModelTensors.Of(ModelPresets.Find(name)!)
            .ToLookup(tensor => tensor.Name.StartsWith(ModelTensors.VisionPrefix, StringComparison.Ordinal));
        Assert.Equal((textTensors, visionTensors), (tensors[false].Count(), tensors[true].Count()));
        Assert.Equal((textParameters, visionParameters), (Count(tensors[false]), Count(tensors[true])));
    }

    [Theory]
    [InlineData("BF16")]
    [InlineData("F16")]
    [InlineData("F32")]
    public void A_made_checkpoint_opens_and_depends_on_the_seed_alone(string dtype)
    {
        using TempFolder temp = new();
        string first = temp.File("first"), sharded = temp.File("sharded"), other = temp.File("other");
        List<CreationProgress> progress = [];
        RandomCheckpoint.Create(Small, first, new(7, dtype), progress.Add, TestContext.Current.CancellationToken);
        RandomCheckpoint.Create(Small, sharded, new(7, dtype, ShardBytes: 20_000), cancellationToken: TestContext.Current.CancellationToken);
        RandomCheckpoint.Create(Small, other, new(8, dtype), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(progress[^1].Total, progress[^1].Done);
        using Checkpoint a = Checkpoint.Open(first), b = Checkpoint.Open(sharded), c = Checkpoint.Open(other);
        Assert.True(Directory.GetFiles(sharded, "model-*").Length > 1);
        Assert.All(a.Names, name => Assert.Equal(a.ReadFloat32(name), b.ReadFloat32(name)));
        Assert.NotEqual(a.ReadFloat32("lm_head.weight"), c.ReadFloat32("lm_head.weight"));
        Assert.All(a.ReadFloat32("model.language_model.norm.weight"), value => Assert.Equal(1f, value));
        float[] head = a.ReadFloat32("lm_head.weight");
        Assert.Equal(0.02, Math.Sqrt(head.Average(value => (double)value * value)), 0.001);
        Assert.Equal(0, head.Average(), 0.001);
        Assert.True(File.Exists(Path.Combine(first, "generation_config.json")) && File.Exists(Path.Combine(first, "preprocessor_config.json")));
    }

    [Fact]
    public void Nothing_is_left_of_an_interrupted_one_and_nothing_is_overwritten()
    {
        using TempFolder temp = new();
        string folder = temp.File("model");
        using CancellationTokenSource stop = new();
        Assert.Throws<OperationCanceledException>(() => RandomCheckpoint.Create(Small, folder, new(), _ => stop.Cancel(), stop.Token));
        Assert.Empty(Directory.GetFileSystemEntries(temp.Path));
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "mine.txt"), "keep");
        Assert.Throws<MedixException>(() => RandomCheckpoint.Create(Small, folder, new(), cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal("keep", File.ReadAllText(Path.Combine(folder, "mine.txt")));
    }

    private static long Count(IEnumerable<ExpectedTensor> tensors) => tensors.Sum(tensor => tensor.Shape.Aggregate(1L, (product, side) => product * side));
}
