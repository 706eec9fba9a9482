using System.Diagnostics;
using System.Globalization;
using Medix.Data;
using Medix.Imaging;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Runs.Recipes;
using Medix.Text;
using Medix.Training;
using Medix.Training.Advantages;
using Medix.Training.Doctor;
using Medix.Training.Learning;
using Medix.Training.Rollouts;
using Medix.Weights;

namespace Medix.Benchmarks.Training;

/// <summary>
/// An RL step with low-rank adapters on a large model: 4 prompts with one picture of 448 × 448 each, 4 rollouts of 32 new tokens, rank 16 on all text linears,
/// one update. A group's prompt and picture are computed once in the rollout and once in the update. The peer is transformers with PEFT at the same shape.
/// </summary>
internal static class LoraStepBenchmark
{
    private const int Prompts = 4, TextTokens = 32, Draws = 4, NewTokens = 32, Side = 28;

    /// <summary>Arguments: model folder in bf16, [steps], [tokens per pass], [recompute].</summary>
    public static int Run(string[] args)
    {
        if (args.Length == 0)
        {
            Console.Error.WriteLine("Usage: Medix.Benchmarks lora-step MODEL [STEPS] [TOKENS_PER_PASS] [recompute]");
            return 2;
        }

        int steps = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 2;
        TrainRecipe recipe = new()
        {
            Model = new() { Path = args[0] },
            Algorithm = new() { Preset = "gspo" },
            Rollout = new() { PromptsPerStep = Prompts, Draws = Draws, MaxNewTokens = NewTokens },
            Data = new() { HeldOutLimit = 2 },
            Evaluation = new() { Draws = 1 },
            Tuning = new() { Lora = new(), RecomputeActivations = args.Contains("recompute") },
            Optimizer = new() { MaxTokensPerPass = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 800 },
        };
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"fp32 product 2048^3: {Product():0} GFLOP/s"));
        long start = Stopwatch.GetTimestamp();
        using Checkpoint weights = Checkpoint.Open(args[0]);
        MemoryWorkload work = new(TextTokens + 2 + (Side * Side / 4), Side * Side, 0);
        MemoryPlan plan = MemoryPlan.Of(recipe, weights.Config, halfMatrices: true, work);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"planned peak: "
            + $"{plan.MainMemory / 1e9:0.00} GB ({string.Join(", ", plan.Parts.Select(part => $"{part.Name} {part.Bytes / 1e9:0.00}"))})"));
        using var learner = new PolicyLearner(weights, recipe, RunParts.AlgorithmOf(recipe.Algorithm), null, null);
        Report("learner loaded", start);
        using var engine = new LocalPolicyEngine(Qwen3VLModel.FromCheckpoint(weights, WeightStorage.Bf16), Tokenizer.Load(args[0]));
        engine.UpdateWeights(learner);
        Report("engine loaded", start);
        PreparedSample[] prompts = [.. Enumerable.Range(0, Prompts).Select(index => Prompt(index, weights.Config))];
        for (int step = 1; step <= steps; step++)
        {
            Step(step, prompts, learner, engine);
        }

        return 0;
    }

    private static void Step(int step, PreparedSample[] prompts, PolicyLearner learner, LocalPolicyEngine engine)
    {
        var clock = new PhaseClock();
        Rollout[] rollouts = [.. clock.Time("rollout", () => engine.Collect(prompts, new RolloutOptions(Draws, NewTokens, 1, (ulong)step), default)).SelectMany(g => g.Rollouts)];

        // A random model earns nothing: the advantages come from made-up scores, so that the update has work to do.
        SeededRandom random = Seed.Random((ulong)step);
        AdvantageResult advantages = AdvantageEstimators.Named("grpo")
            .Estimate([.. rollouts.Select((r, i) => new RolloutScore($"{i}", $"{i / Draws}", random.NextDouble(), r.Tokens.Length))]);
        UpdateReport report = clock.Time(
            "update", () => learner.Update([.. rollouts.Select((r, i) => new TrainingRollout(i / Draws, prompts[i / Draws], r, advantages.Advantages[i]))], 1e-5));
        clock.Time("sync", () =>
        {
            engine.UpdateWeights(learner);
            return 0;
        });
        string phases = string.Join(", ", clock.Seconds.Select(phase => string.Create(CultureInfo.InvariantCulture, $"{phase.Key} {phase.Value:0.0} s")));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"step {step}: {clock.Elapsed:0.0} s ({phases}); {rollouts.Sum(r => r.Tokens.Length)} tokens, gradient norm {report.GradNorm:0.000}, "
                + $"log-probability difference {report.LogprobDifferenceMean:0.0000} mean, {report.LogprobDifferenceMax:0.0000} most; {Memory()}"));
    }

    private static PreparedSample Prompt(int index, Qwen3VLConfig config)
    {
        SeededRandom random = Seed.Random(9, (ulong)index);
        ImageGrid grid = new(1, Side, Side);
        float[] patches = [.. Enumerable.Range(0, grid.Patches * config.Vision!.PatchLength).Select(_ => (float)((2 * random.NextDouble()) - 1))];
        int[] text = [.. Enumerable.Range(0, TextTokens).Select(_ => random.NextInt(100_000))];
        int[] tokens = [config.VisionStartTokenId, .. Enumerable.Repeat(config.ImageTokenId, grid.Patches / 4), config.VisionEndTokenId, .. text];
        var sample = new Sample($"{index}", [], [PromptMessage.FromText("user", "q")], "q", "no effusion", null, "bench", $"{index}");
        return new PreparedSample(sample, new ModelInput(tokens, patches, [grid]));
    }

    private static unsafe double Product()
    {
        const int n = 2048;
        using AlignedMemory a = AlignedMemory.OfFloats(n * n), b = AlignedMemory.OfFloats(n * n), c = AlignedMemory.OfFloats(n * n);
        double best = 0;
        for (int round = 0; round < 3; round++)
        {
            long start = Stopwatch.GetTimestamp();
            Gemm.NT(WorkerPool.Shared, a.Floats, n, b.Floats, n, c.Floats, n, n, n, n);
            best = Math.Max(best, 2.0 * n * n * n / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9);
        }

        return best;
    }

    private static void Report(string what, long start) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"{what}: {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s; {Memory()}"));

    private static string Memory()
    {
        using Process process = Process.GetCurrentProcess();
        return string.Create(CultureInfo.InvariantCulture, $"resident {process.WorkingSet64 / 1e9:0.00} GB, peak {process.PeakWorkingSet64 / 1e9:0.00} GB");
    }
}
