using Medix.Inference.Kernels;
using Medix.Testing;
using Medix.Training.Qwen3VL;
using Medix.Training.Tests.Native;
using Medix.Weights;
using Medix.Weights.Adapters;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Tests.Qwen3VL;

/// <summary>bfloat16 activations and frozen bfloat16 weights, and the other layout of experts.</summary>
public class PrecisionTests
{
    public static TheoryData<string, string> HalfCases()
    {
        TheoryData<string, string> data = [];
        string models = SharedFiles.Root is { } root ? Path.Combine(root, "goldens", "models") : "";
        foreach (string path in Directory.Exists(models) ? Directory.GetFiles(models, "case-*.bf16.safetensors", SearchOption.AllDirectories) : [])
        {
            string folder = Path.GetDirectoryName(path)!;
            if (ModelConfigReader.Read(Path.Combine(folder, "config.json")).Text.Experts is null or 0)
            {
                data.Add(Path.GetFileName(folder), Path.GetFileNameWithoutExtension(path).Replace(".bf16", "", StringComparison.Ordinal));
            }
        }

        return data;
    }

    /// <summary>
    /// The reference rounds weights and all activations; we keep norms, softmax and logits in fp32. So the distance to fp32 must not be above the reference's by
    /// more than rounding luck, and it must not be nothing. Mixtures are left out: a rounded router may choose other experts.
    /// </summary>
    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(HalfCases))]
    [Trait("Category", "Parity")]
    public void Bfloat16_activations_are_as_near_to_fp32_as_the_reference(string model, string name)
    {
        using TensorLeaks leaks = new();
        using GoldenCase full = new(model, name), half = new(model, name + ".bf16");
        using Checkpoint checkpoint = Checkpoint.Open(full.Model);
        using Qwen3VLForTraining trained = Qwen3VLForTraining.Load(checkpoint, new() { BFloat16 = true });
        using DisposeScope scope = NewDisposeScope();
        Tensor logits = trained.Forward(full.Input());
        float[] expected = full.Floats("logits");
        double ours = Distance(expected, ParityTests.Values(logits)), theirs = Distance(expected, half.Floats("logits"));
        Assert.InRange(ours, 1e-5, 1.2 * theirs);
        Qwen3VLForTraining.Backward(logits.sum());
        Assert.All(trained.Parameters, parameter => Assert.True(ParityTests.Values(parameter.Gradient).All(float.IsFinite), parameter.Name));
        Assert.Contains(trained.Parameters, parameter => ParityTests.Values(parameter.Gradient).Any(value => value != 0));
    }

    [Fact]
    [Trait("Category", "Parity")]
    public void Experts_in_the_other_layout_give_the_same_logits_trained_or_frozen()
    {
        using TensorLeaks leaks = new();
        string[] files = Directory.GetFiles(SharedFiles.Require("goldens", "models"), "model.v5-layout.safetensors", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        foreach (string file in files)
        {
            using GoldenCase golden = new(Path.GetFileName(Path.GetDirectoryName(file)!), "case-text");
            using Checkpoint turned = Checkpoint.Open(file);
            LoraConfig lora = new(2, 2, new(["q_proj"]));
            foreach (TuningOptions options in (TuningOptions[])[new(), new() { Lora = lora }, new() { Lora = lora, OwnKernels = false }])
            {
                using Qwen3VLForTraining model = Qwen3VLForTraining.Load(turned, options);
                using Tensor logits = model.Forward(golden.Input());
                ParityTests.Near(golden.Floats("logits"), ParityTests.Values(logits), 2e-4f, file);
            }
        }
    }

    /// <summary>Frozen matrices stay in bf16; the numbers are those of the same weights in fp32.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Frozen_bfloat16_weights_compute_as_if_they_were_widened(bool ownKernels)
    {
        using TensorLeaks leaks = new();
        using TempModel files = new(TinyModels.Vision, WeightStorage.Bf16);
        using Checkpoint checkpoint = Checkpoint.Open(files.Folder);
        LoraConfig lora = new(4, 8, new([LoraTargets.AllLinear]));
        using Qwen3VLForTraining wide = Qwen3VLForTraining.Load(checkpoint, new() { OwnKernels = ownKernels });
        using Qwen3VLForTraining frozen = Qwen3VLForTraining.Load(checkpoint, new() { OwnKernels = ownKernels, Lora = lora });
        Assert.All(frozen.Store.Frozen, entry => Assert.Equal(entry.Value.shape.Length > 1 ? ScalarType.BFloat16 : ScalarType.Float32, entry.Value.dtype));
        TrainingBatch batch = new([new(new Text.ModelInput([1, 2, 3, 4], [], []), [[4, 5, 6], [6]])]);
        using ResponseLogProbs a = wide.Evaluate(batch, 1), b = frozen.Evaluate(batch, 1);
        ParityTests.Near(ParityTests.Values(a.LogProbs), ParityTests.Values(b.LogProbs), 1e-5f, "log-probabilities");
        using Tensor loss = b.LogProbs.sum();
        Qwen3VLForTraining.Backward(loss);
        Assert.Contains(frozen.Store.GradientSpan.ToArray(), value => value != 0);
    }

    private static double Distance(float[] a, float[] b) => Math.Sqrt(a.Zip(b, (x, y) => (double)(x - y) * (x - y)).Average());
}
