using System.Diagnostics;
using System.Globalization;
using Medix.Benchmarks.Inference;
using Medix.Data;
using Medix.Inference.Generation;
using Medix.Inference.Qwen3VL;
using Medix.Rewards;
using Medix.Runs;
using Medix.Runs.Recipes;
using Medix.Text;
using Medix.Training;
using Medix.Training.Advantages;
using Medix.Training.Learning;
using Medix.Training.Qwen3VL;
using Medix.Training.Rollouts;
using Medix.Weights;

namespace Medix.Benchmarks.Training;

/// <summary>
/// A whole GRPO step on the 5 M text decoder: 4 prompts of 64 tokens, 8 rollouts of 128 new tokens each, the composite reward, one update, weights back to the
/// sampler. The peer is TRL's GRPOTrainer at the same shape.
/// </summary>
internal static class StepBenchmark
{
    private const int Prompts = 4, PromptTokens = 64, Draws = 8, NewTokens = 128;

    /// <summary>Arguments: [steps]. With many steps the last line shows whether memory grows.</summary>
    public static int Run(string[] args)
    {
        int steps = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 10;
        string folder = Directory.CreateTempSubdirectory("medix-bench-").FullName;
        try
        {
            using (Qwen3VLForTraining random = Qwen3VLForTraining.Create(BenchmarkModels.Decoder, 1))
            {
                random.Save(folder);
            }

            Measure(folder, steps);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return 0;
    }

    private static void Measure(string folder, int steps)
    {
        var recipe = new TrainRecipe();
        using Checkpoint weights = Checkpoint.Open(folder);
        using var learner = new PolicyLearner(weights, recipe, RunParts.AlgorithmOf(recipe.Algorithm), null, null);
        using var engine = new LocalPolicyEngine(Qwen3VLModel.FromCheckpoint(weights), BpeTrainer.Train(["a small vocabulary for decoding"], 300, []));
        using var reward = new RewardFactory(recipe.Reward, ["no effusion", "right upper lobe"]);
        PreparedSample[] prompts = [.. Enumerable.Range(0, Prompts).Select(Prompt)];
        var clocks = new List<PhaseClock>();
        var seconds = new List<double>();
        long memory = 0;
        for (int step = 0; step <= steps; step++)
        {
            var clock = new PhaseClock();
            Step(step, prompts, learner, engine, reward.Reward, clock);
            if (step > 0) // the first compiles
            {
                clocks.Add(clock);
                seconds.Add(clock.Elapsed);
            }

            memory = step == Math.Min(20, steps / 2) ? Environment.WorkingSet : memory;
        }

        Print(clocks, seconds, memory);
    }

    private static void Step(int step, PreparedSample[] prompts, PolicyLearner learner, LocalPolicyEngine engine, CompositeReward reward, PhaseClock clock)
    {
        IReadOnlyList<RolloutGroup> groups = clock.Time("rollout", () => engine.Collect(prompts, new RolloutOptions(Draws, NewTokens, 1, (ulong)step), default));
        IReadOnlyList<ScoredGroup> scored = clock.Time("reward", () => RolloutScoring.ScoreAsync(reward, groups, default).GetAwaiter().GetResult());
        Rollout[] rollouts = [.. scored.SelectMany(g => g.Rollouts).Select(r => r.Rollout)];
        // A random model earns nothing: the advantages come from made-up scores, so that the update has work to do.
        SeededRandom random = Seed.Random((ulong)step);
        AdvantageResult advantages = AdvantageEstimators.Named("grpo")
            .Estimate([.. rollouts.Select((r, i) => new RolloutScore($"{i}", $"{i / Draws}", random.NextDouble(), r.Tokens.Length))]);
        clock.Time("update", () => learner.Update([.. rollouts.Select((r, i) => new TrainingRollout(i / Draws, prompts[i / Draws], r, advantages.Advantages[i]))], 1e-5));
        clock.Time("sync", () =>
        {
            engine.UpdateWeights(learner);
            return 0;
        });
    }

    private static PreparedSample Prompt(int index)
    {
        SeededRandom random = Seed.Random(9, (ulong)index);
        int[] tokens = [.. Enumerable.Range(0, PromptTokens).Select(_ => random.NextInt(1990))];
        var sample = new Sample($"{index}", [], [PromptMessage.FromText("user", "q")], "q", "no effusion", null, "bench", $"{index}");
        return new PreparedSample(sample, new ModelInput(tokens, [], []));
    }

    private static void Print(List<PhaseClock> clocks, List<double> seconds, long memory)
    {
        string phases = string.Join("  ", clocks[0].Seconds.Keys.Select(p =>
            string.Create(CultureInfo.InvariantCulture, $"{p} {Median(clocks.Select(c => c.Seconds[p])) * 1000:0.0} ms")));
        double reward = clocks.Sum(c => c.Seconds["reward"]) / seconds.Sum();
        using Process process = Process.GetCurrentProcess();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"GRPO step, 5 M decoder, {Prompts} x {Draws} x {NewTokens}: median {Median(seconds):0.000} s, best {seconds.Min():0.000} s of {seconds.Count}  ({phases})"));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"reward share {reward:0.0 %}; resident {memory >> 20} MB early, {Environment.WorkingSet >> 20} MB at the end, peak {process.PeakWorkingSet64 >> 20} MB"));
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
