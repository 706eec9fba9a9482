using Medix.Imaging;
using Medix.Runs;
using Medix.Testing;
using Medix.Text;
using Medix.Training.Qwen3VL;
using Medix.Training.Tests.Native;
using Medix.Weights;
using Medix.Weights.Adapters;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Tests.Qwen3VL;

/// <summary>Adapters against PEFT: logits of the adapted model and every gradient of the adapter.</summary>
[Trait("Category", "Parity")]
public class LoraParityTests
{
    public static TheoryData<string, bool, bool> Cases()
    {
        TheoryData<string, bool, bool> data = [];
        foreach (string folder in Folders())
        {
            data.Add(folder, true, false);
            data.Add(folder, true, true);
            data.Add(folder, false, false);
        }

        return data;
    }

    [Fact]
    public void There_are_cases()
    {
        SharedFiles.Require("goldens", "models", "lora");
        Assert.NotEmpty(Folders());
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void Matches_PEFT(string name, bool ownKernels, bool recompute)
    {
        using TensorLeaks leaks = new();
        string models = SharedFiles.Require("goldens", "models"), folder = Path.Combine(models, "lora", name, "adapter");
        using GoldenCase golden = new(Path.Combine("lora", name), "case");
        using Checkpoint checkpoint = Checkpoint.Open(Path.Combine(models, LoraConfigFile.Read(Path.Combine(folder, LoraConfigFile.Name)).BaseModel!));
        LoraAdapter adapter = LoraAdapter.Load(folder, checkpoint.Config);
        using Qwen3VLForTraining trained = Qwen3VLForTraining.Load(
            checkpoint, new() { Lora = adapter.Config, Adapter = adapter, OwnKernels = ownKernels, RecomputeActivations = recompute });
        using DisposeScope scope = NewDisposeScope();
        Tensor logits = trained.Forward(golden.Input());
        ParityTests.Near(golden.Floats("logits"), ParityTests.Values(logits), 2e-4f, "logits");
        ParityTests.CheckLossAndGradients(golden, trained, logits, parameter => Published(parameter, golden));
        LoraAdapter exported = trained.ExportAdapter();
        Assert.Equal(adapter.Layers.Select(layer => layer.Parameter), exported.Layers.Select(layer => layer.Parameter));
        Assert.All(adapter.Layers.Zip(exported.Layers), pair => Assert.Equal(pair.First.A.Concat(pair.First.B), pair.Second.A.Concat(pair.Second.B)));
    }

    /// <summary>A new adapter changes nothing, its A is drawn from the seed alone, and only adapters are trained.</summary>
    [Fact]
    public void A_new_adapter_changes_nothing()
    {
        using TensorLeaks leaks = new();
        using TempModel model = new(TinyModels.Text);
        using Checkpoint checkpoint = Checkpoint.Open(model.Folder);
        LoraConfig lora = new(4, 8, new([LoraTargets.AllLinear]), Dora: true);
        using Qwen3VLForTraining plain = Qwen3VLForTraining.Load(checkpoint), adapted = Qwen3VLForTraining.Load(checkpoint, new() { Lora = lora, Seed = 3 });
        TrainingBatch batch = new([new(new ModelInput([1, 2, 3], [], []), [[4, 5], [6]])]);
        using ResponseLogProbs before = plain.Evaluate(batch, 1), after = adapted.Evaluate(batch, 1);
        ParityTests.Near(ParityTests.Values(before.LogProbs), ParityTests.Values(after.LogProbs), 1e-5f, "log-probabilities");
        Assert.All(adapted.Parameters, parameter => Assert.Contains(".lora_", parameter.Name, StringComparison.Ordinal));
        Assert.Contains(adapted.ExportAdapter().Layers[0].A, value => value != 0);
        Assert.All(adapted.ExportAdapter().Layers, layer => Assert.All(layer.B, value => Assert.Equal(0f, value)));
    }

    [Fact]
    public void An_adapter_of_other_settings_is_refused()
    {
        using TempModel model = new(TinyModels.Text);
        using Checkpoint checkpoint = Checkpoint.Open(model.Folder);
        LoraConfig lora = new(4, 8, new(["q_proj"]));
        using Qwen3VLForTraining first = Qwen3VLForTraining.Load(checkpoint, new() { Lora = lora });
        LoraAdapter adapter = first.ExportAdapter();
        MedixException error = Assert.Throws<MedixException>(
            () => Qwen3VLForTraining.Load(checkpoint, new() { Lora = lora with { Targets = new(["q_proj", "v_proj"]) }, Adapter = adapter }));
        Assert.Contains("v_proj", error.Message, StringComparison.Ordinal);
    }

    private static string[] Folders() => SharedFiles.Root is { } root && Directory.Exists(Path.Combine(root, "goldens", "models", "lora"))
        ? [.. Directory.GetDirectories(Path.Combine(root, "goldens", "models", "lora")).Select(folder => Path.GetFileName(folder)!)]
        : [];

    /// <summary>PEFT's name of an adapter's gradient.</summary>
    private static string Published(string parameter, GoldenCase golden)
    {
        string kind = parameter[(parameter.LastIndexOf('.') + 1)..], weight = parameter[..parameter.LastIndexOf('.')];
        if (weight.EndsWith(".weight", StringComparison.Ordinal))
        {
            return $"grad.{weight[..^".weight".Length]}.{kind}.weight";
        }

        string module = weight[..weight.LastIndexOf('.')];
        bool inner = weight.EndsWith("gate_up_proj", StringComparison.Ordinal) && golden.Names.Any(name => name.Contains(".base_layer.lora_", StringComparison.Ordinal));
        return $"grad.{module}{(inner ? ".base_layer" : "")}.{kind}.weight";
    }
}
