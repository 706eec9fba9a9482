using Medix.Runs.Recipes;
using Medix.Training.Doctor;
using Medix.Weights;
using Medix.Weights.Creation;

namespace Medix.Training.Tests.Doctor;

public class MemoryPlanTests
{
    private static readonly Qwen3VLConfig Model = ModelPresets.Find("qwen3-vl-2b")!;
    private static readonly MemoryWorkload Work = new(230, 784, 0);

    private static readonly TrainRecipe Adapters = new()
    {
        Tuning = new() { Lora = new() },
        Rollout = new() { PromptsPerStep = 4, Draws = 4, MaxNewTokens = 32 },
        Optimizer = new() { MaxTokensPerPass = 800 },
        Data = new() { HeldOutLimit = 2 },
    };

    [Fact]
    public void Weights_gradients_and_moments_are_counted_to_the_byte()
    {
        MemoryPlan full = MemoryPlan.Of(Adapters with { Tuning = new() }, Model, halfMatrices: true, Work);
        Assert.Equal(4L * 2_127_532_032, Part(full, "weights"));
        Assert.Equal(4L * 2_127_532_032, Part(full, "gradients"));
        Assert.Equal(8L * 2_127_532_032, Part(full, "optimiser"));
        MemoryPlan adapters = MemoryPlan.Of(Adapters, Model, halfMatrices: true, Work);
        const long trained = 28L * 16 * ((2048 + 2048) + (2 * (2048 + 1024)) + (2048 + 2048) + (2 * (2048 + 6144)) + (6144 + 2048));
        Assert.Equal(8 * trained, Part(adapters, "optimiser"));
        Assert.InRange(Part(adapters, "weights"), 4_255_064_064 + (4 * trained), 4_255_064_064 + (4 * trained) + 10_000_000);
    }

    /// <summary>The step of <c>lora-step</c> in bench/, whose peak was 15.3 GB when it was measured (docs/benchmarks.md).</summary>
    [Fact]
    public void The_adapter_step_at_true_size_is_planned_as_it_was_measured() =>
        Assert.InRange(MemoryPlan.Of(Adapters with { Algorithm = new() { Preset = "gspo" } }, Model, halfMatrices: true, Work).MainMemory, 15.3e9 * 0.85, 15.3e9 * 1.15);

    [Fact]
    public void Each_saving_saves()
    {
        long Peak(TrainRecipe recipe) => MemoryPlan.Of(recipe, Model, halfMatrices: true, Work).MainMemory;
        long plain = Peak(Adapters);
        Assert.True(Peak(Adapters with { Tuning = new() { Lora = new(), RecomputeActivations = true } }) < plain - 1e9);
        Assert.True(Peak(Adapters with { Optimizer = new() { MaxTokensPerPass = 400 } }) < plain - 1e9);
        Assert.True(Peak(Adapters with { Tuning = new() }) > plain + 20e9);
        Assert.True(Peak(Adapters with { Tuning = new() { FreezeVision = true } }) < Peak(Adapters with { Tuning = new() }));
    }

    [Fact]
    public void The_remedy_names_a_change_with_which_the_run_fits()
    {
        Assert.Null(MemoryPlan.Remedy(Adapters, Model, halfMatrices: true, Work, 64L << 30));
        Assert.Contains("optimizer.maxTokensPerPass", MemoryPlan.Remedy(Adapters, Model, halfMatrices: true, Work, 14_000_000_000), StringComparison.Ordinal);
        Assert.Contains("tuning.lora", MemoryPlan.Remedy(Adapters with { Tuning = new() }, Model, halfMatrices: true, Work, 16_000_000_000), StringComparison.Ordinal);
        Assert.Contains("smaller model", MemoryPlan.Remedy(Adapters, Model, halfMatrices: true, Work, 4_000_000_000), StringComparison.Ordinal);
    }

    [Fact]
    public void On_a_gpu_the_moments_stay_in_main_memory()
    {
        MemoryPlan plan = MemoryPlan.Of(Adapters with { Tuning = new() { Device = "cuda" } }, Model, halfMatrices: true, Work);
        Assert.False(plan.Parts.Single(part => part.Name == "optimiser").OnDevice);
        Assert.True(plan.Parts.Single(part => part.Name == "weights").OnDevice);
        Assert.True(plan.DeviceMemory > 4e9);
    }

    private static long Part(MemoryPlan plan, string name) => plan.Parts.Single(part => part.Name == name).Bytes;
}
