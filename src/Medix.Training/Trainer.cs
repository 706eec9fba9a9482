using Medix.Evaluation.Reports;
using Medix.Rewards;
using Medix.Runs;
using Medix.Runs.Recipes;
using Medix.Training.Advantages;
using Medix.Training.Algorithms;
using Medix.Training.Filtering;
using Medix.Training.Learning;
using Medix.Training.Rollouts;
using Medix.Training.Schedules;

namespace Medix.Training;

/// <summary>
/// Group-relative RL, one step at a time: draw samples, collect rollouts, score them, keep groups with signal, estimate advantages, update the policy.
/// Everything random is derived from (run seed, step, sample, draw), so a step depends on the weights and its number alone.
/// </summary>
public sealed class Trainer(
    PolicyLearner learner, IPolicyEngine engine, CompositeReward reward, SampleFeed samples, Algorithm algorithm, TrainRecipe recipe)
{
    private readonly IAdvantageEstimator estimator = algorithm.CreateAdvantage();
    private readonly LearningRateSchedule schedule = new(
        recipe.Optimizer.Schedule == "cosine" ? ScheduleShape.Cosine : ScheduleShape.Constant, recipe.Optimizer.WarmupSteps, recipe.Steps);

    private readonly GroupFilterOptions filter = algorithm.Filter with { MaximumTries = recipe.Rollout.MaxBatchesPerStep ?? algorithm.Filter.MaximumTries };

    /// <summary>Kept groups beyond what the last step used; they come first in the next one.</summary>
    public IReadOnlyList<ScoredGroup<ScoredGroup>> Leftovers { get; private set; } = [];

    /// <summary>One step, 1-based. An interrupt is seen between rounds and within the rollout; the policy is then unchanged.</summary>
    /// <exception cref="MedixException">Too many rollouts of the step could not be scored, or a number is not finite.</exception>
    public async Task<TrainingStep> StepAsync(int step, CancellationToken cancellationToken)
    {
        var clock = new PhaseClock();
        var collector = new GroupCollector<ScoredGroup>(filter, recipe.Rollout.PromptsPerStep, Leftovers);
        List<ScoredGroup> drawn = [];
        while (collector.State == CollectorState.NeedsMore)
        {
            IReadOnlyList<PreparedSample> prompts = clock.Time("data", () => samples.Next(recipe.Rollout.PromptsPerStep));
            IReadOnlyList<RolloutGroup> groups = clock.Time("rollout", () => engine.Collect(prompts, Options(step, collector.Tries), cancellationToken));
            IReadOnlyList<ScoredGroup> scored = await clock
                .TimeAsync("reward", () => RolloutScoring.ScoreAsync(reward, groups, cancellationToken)).ConfigureAwait(false);
            RefuseBrokenReward(scored);
            collector.Offer([.. scored.Select(Scores)]);
            drawn.AddRange(scored);
        }

        Leftovers = collector.Leftovers;
        IReadOnlyList<TrainingRollout> batch = clock.Time("advantage", () => WithAdvantages(collector.Batch));
        double rate = recipe.Optimizer.LearningRate * schedule.Factor(step - 1);
        UpdateReport update = clock.Time("update", () => learner.Update(batch, rate));
        return new TrainingStep(StepReport.Of(step, drawn, collector, update, rate, clock), drawn);
    }

    private RolloutOptions Options(int step, int round) => new(
        recipe.Rollout.Draws, recipe.Rollout.MaxNewTokens, recipe.Rollout.Temperature, Seed.Derive(recipe.Seed, (ulong)step, (ulong)round));

    /// <summary>A group as the filter sees it: unscored rollouts have left it.</summary>
    private ScoredGroup<ScoredGroup> Scores(ScoredGroup group) =>
        new(group, [.. group.Rollouts.Where(r => r.Reward.Total is not null).Select(Score)]);

    private double Score(ScoredRollout rollout) => rollout.Reward.Total!.Value + (algorithm.Overlong?.Of(rollout.Rollout.Tokens.Length) ?? 0);

    private IReadOnlyList<TrainingRollout> WithAdvantages(IReadOnlyList<ScoredGroup<ScoredGroup>> groups)
    {
        var kept = groups.SelectMany((group, g) =>
            group.Item.Rollouts.Where(r => r.Reward.Total is not null).Select(r => (Group: group.Item, Index: g, Scored: r))).ToList();
        AdvantageResult result = estimator.Estimate([.. kept.Select(k => new RolloutScore(
            $"{k.Scored.Rollout.SampleId} draw {k.Scored.Rollout.Draw}", $"{k.Index}", Score(k.Scored), k.Scored.Rollout.Tokens.Length))]);
        return [.. kept.Select((k, i) => new TrainingRollout(k.Index, k.Group.Prompt, k.Scored.Rollout, result.Advantages[i]))];
    }

    private void RefuseBrokenReward(IReadOnlyList<ScoredGroup> groups)
    {
        RewardReport[] reports = [.. groups.SelectMany(g => g.Rollouts.Select(r => r.Reward))];
        int unscored = reports.Count(r => r.Total is null);
        if (unscored > recipe.Reward.MaxUnscoredFraction * reports.Length)
        {
            string reasons = string.Join("; ", RolloutScoring.UnscoredReasons(reports).Select(r => $"{r.Value} x {r.Key}"));
            throw new MedixException(
                $"{unscored} of {reports.Length} rollouts of this step could not be scored, "
                + $"more than reward.maxUnscoredFraction = {recipe.Reward.MaxUnscoredFraction:0.##} allows: {reasons}. "
                + "The policy was not changed and the last checkpoint is intact. Mend the judge or embedder, then continue with --resume.");
        }
    }
}

/// <summary>A step's event and all responses drawn in it, filtered ones included.</summary>
public sealed record TrainingStep(StepEvent Event, IReadOnlyList<ScoredGroup> Groups);
