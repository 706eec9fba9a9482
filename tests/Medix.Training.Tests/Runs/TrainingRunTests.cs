using Medix.Data;
using Medix.Evaluation.Reports;
using Medix.Runs;
using Medix.Runs.Recipes;
using Medix.Weights;
using Medix.Weights.Adapters;

namespace Medix.Training.Tests.Runs;

public class TrainingRunTests
{
    [Fact]
    public async Task A_run_leaves_a_report_a_model_and_all_its_events()
    {
        using var run = new TinyRun();
        TrainingOutcome outcome = await run.ExecuteAsync(TinyRun.Recipe());
        Assert.NotNull(outcome.Report);
        Assert.Equal(3, outcome.Report.Steps.Count);
        Assert.Equal(3, EventLog.Read<StepEvent>(outcome.Folder.PathOf("events.jsonl")).Count);
        string[] files =
        [
            "recipe.json", "manifest.json", "report.html", "report.json", "report.png", "model/model.safetensors", "model/tokenizer.json", "rollouts/step-000003.jsonl",
        ];
        foreach (string file in files)
        {
            Assert.True(File.Exists(outcome.Folder.PathOf(file)), file);
        }

        Assert.Empty(Directory.GetFiles(outcome.Folder.Path, "*.tmp", SearchOption.AllDirectories));
        Assert.Equal(4, outcome.Report.HeldOut.Reward.Before.Count);
        using Checkpoint saved = Checkpoint.Open(outcome.Folder.PathOf("model"));
        Assert.NotNull(saved.Config.Vision);
    }

    [Fact]
    public async Task The_trainer_and_the_sampler_agree_on_log_probabilities()
    {
        using var run = new TinyRun();
        await run.ExecuteAsync(TinyRun.NanoRecipe());
        Assert.All(run.Steps.Where(s => s.GroupsKept > 0), s => Assert.InRange(s.LogprobDifferenceMax, 0, 1e-3));
        Assert.Contains(run.Steps, s => s.LogprobDifferenceMax > 0); // two implementations in float32 cannot agree to the last bit
    }

    [Fact]
    public async Task One_seed_gives_one_reward_curve_bit_for_bit()
    {
        using var first = new TinyRun();
        using var second = new TinyRun();
        using var other = new TinyRun();
        await first.ExecuteAsync(TinyRun.NanoRecipe());
        await second.ExecuteAsync(TinyRun.NanoRecipe());
        await other.ExecuteAsync(TinyRun.NanoRecipe("seed=4"));
        Assert.Equal(Curve(first), Curve(second));
        Assert.NotEqual(Curve(first), Curve(other));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task An_interrupted_run_saves_and_resumes_to_the_same_curve(int stopAfter)
    {
        TrainRecipe recipe = TinyRun.NanoRecipe();
        using var whole = new TinyRun();
        await whole.ExecuteAsync(recipe);
        using var stopped = new TinyRun { StopAfter = stopAfter };
        TrainingOutcome outcome = await stopped.ExecuteAsync(recipe);
        Assert.Null(outcome.Report);
        using var resumed = new TinyRun();
        TrainingOutcome end = await resumed.ExecuteAsync(recipe, outcome.Folder);
        Assert.NotNull(end.Report);
        Assert.Equal(3, end.Report.Steps.Count);
        Assert.Equal(Curve(whole), end.Report.Steps.Select(s => s.Reward).ToArray());
    }

    [Fact]
    public async Task An_adapter_run_leaves_an_adapter_and_resumes_to_the_same_curve()
    {
        string[] tuning = ["tuning.lora.rank=4", "tuning.lora.modules=[\"all-linear\"]", "optimizer.learningRate=0.01"];
        using var whole = new TinyRun();
        TrainingOutcome outcome = await whole.ExecuteAsync(TinyRun.NanoRecipe(tuning));
        string[] files = [.. Directory.GetFiles(outcome.Folder.PathOf("model")).Select(file => Path.GetFileName(file)!)];
        Assert.Contains("adapter_config.json", files);
        Assert.DoesNotContain("model.safetensors", files);
        using Checkpoint nano = Checkpoint.Open(Path.Combine(AppContext.BaseDirectory, "models", "nano"));
        Assert.Contains(LoraAdapter.Load(outcome.Folder.PathOf("model"), nano.Config).Layers, layer => layer.B.Any(value => value != 0));
        Assert.All(whole.Steps.Where(s => s.GroupsKept > 0), s => Assert.InRange(s.LogprobDifferenceMax, 0, 1e-3));

        using var stopped = new TinyRun { StopAfter = 1 };
        TrainingOutcome half = await stopped.ExecuteAsync(TinyRun.NanoRecipe(tuning));
        using var resumed = new TinyRun();
        TrainingOutcome end = await resumed.ExecuteAsync(TinyRun.NanoRecipe(tuning), half.Folder);
        Assert.Equal(Curve(whole), end.Report!.Steps.Select(s => s.Reward).ToArray());
    }

    [Fact]
    public async Task Recomputing_activations_and_smaller_passes_change_no_reward_and_freezing_leaves_the_vision_tower()
    {
        string[] frozen = ["tuning.freezeVision=true"];
        using var plain = new TinyRun();
        TrainingOutcome outcome = await plain.ExecuteAsync(TinyRun.NanoRecipe(frozen));
        using var saving = new TinyRun();
        await saving.ExecuteAsync(TinyRun.NanoRecipe([.. frozen, "tuning.recomputeActivations=true", "optimizer.maxTokensPerPass=100"]));
        Assert.Equal(Curve(plain), Curve(saving));
        Assert.All(plain.Steps.Zip(saving.Steps), pair => Assert.Equal(pair.First.GradNorm, pair.Second.GradNorm, 1e-3 * pair.First.GradNorm));

        using Checkpoint before = Checkpoint.Open(Path.Combine(AppContext.BaseDirectory, "models", "nano")), after = Checkpoint.Open(outcome.Folder.PathOf("model"));
        Assert.All(before.Names, name => Assert.True(
            before.ReadFloat32(name).AsSpan().SequenceEqual(after.ReadFloat32(name)) == name.StartsWith(ModelTensors.VisionPrefix, StringComparison.Ordinal), name));
    }

    [Fact]
    public async Task Supervised_steps_lower_the_loss()
    {
        using var run = new TinyRun();
        await run.ExecuteAsync(TinyRun.Recipe("steps=0", "warmStart.steps=30"));
        Assert.True(run.Lessons[^1].Loss < run.Lessons[0].Loss - 1, $"{run.Lessons[0].Loss} -> {run.Lessons[^1].Loss}");
    }

    [Theory]
    [InlineData("grpo")]
    [InlineData("gspo")]
    public async Task Every_preset_trains(string preset)
    {
        using var run = new TinyRun();
        TrainingOutcome outcome = await run.ExecuteAsync(TinyRun.Recipe($"algorithm.preset={preset}", "optimizer.updatesPerStep=2", "steps=2"));
        Assert.NotNull(outcome.Report);
        Assert.All(run.Steps, s => Assert.True(double.IsFinite(s.Loss) && double.IsFinite(s.GradNorm)));
    }

    [Fact]
    public async Task A_dead_judge_stops_the_run_and_is_never_a_zero()
    {
        using var run = new TinyRun();
        TrainRecipe recipe = TinyRun.Recipe("warmStart.steps=0", "reward.judge.url=http://127.0.0.1:9/v1", "reward.judge.model=none", "reward.judge.tries=1");
        MedixException e = await Assert.ThrowsAsync<MedixException>(() => run.ExecuteAsync(recipe));
        Assert.Contains("could not be scored", e.Message, StringComparison.Ordinal);
        Assert.Empty(run.Steps);
    }

    [Fact]
    public async Task A_model_with_a_nan_is_refused_by_name()
    {
        using var maker = new TinyRun();
        TrainingOutcome made = await maker.ExecuteAsync(TinyRun.Recipe("steps=0", "warmStart.steps=1"));
        string model = made.Folder.PathOf("model");
        SpoilLastWeight(Path.Combine(model, "model.safetensors"));
        TrainRecipe recipe = TinyRun.Recipe("model.create=null", $"model.path={model}");
        using var run = new TinyRun();
        MedixException e = await Assert.ThrowsAsync<MedixException>(() => run.ExecuteAsync(recipe));
        Assert.Contains("NaN", e.Message, StringComparison.Ordinal);
        Assert.Contains("model.", e.Message, StringComparison.Ordinal);
    }

    private static double[] Curve(TinyRun run) => [.. run.Steps.Select(s => s.Reward)];

    private static void SpoilLastWeight(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - 4), float.NaN);
        File.WriteAllBytes(path, bytes);
    }
}
