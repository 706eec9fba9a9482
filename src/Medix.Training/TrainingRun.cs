using System.Diagnostics;
using Medix.Evaluation.Cards;
using Medix.Evaluation.Reports;
using Medix.Runs;
using Medix.Runs.Recipes;
using Medix.Training.Checkpoints;
using Medix.Training.HeldOut;
using Medix.Training.Rollouts;

namespace Medix.Training;

/// <summary>What came of a run: the report, or null when it was interrupted (its state is saved then).</summary>
public sealed record TrainingOutcome(RunFolder Folder, TrainReport? Report, int StepsDone);

/// <summary>A whole run: data, model, warm start, held-out answers before, RL, held-out answers after, saved model and report.</summary>
public sealed class TrainingRun : IDisposable
{
    private readonly TrainRecipe recipe;
    private readonly RunFolder folder;
    private readonly ITrainingObserver observer;
    private readonly TimeProvider time;
    private readonly RunParts parts;
    private readonly PhaseClock clock = new();
    private readonly TrainingState? resumedFrom;

    private TrainingRun(TrainRecipe recipe, RunFolder folder, ITrainingObserver observer, TimeProvider time, RunParts parts, TrainingState? resumedFrom)
    {
        this.recipe = recipe;
        this.folder = folder;
        this.observer = observer;
        this.time = time;
        this.parts = parts;
        this.resumedFrom = resumedFrom;
        Started = resumedFrom?.Started ?? time.GetUtcNow();
        foreach ((string phase, double seconds) in resumedFrom?.PhaseSeconds ?? new Dictionary<string, double>())
        {
            clock.Add(phase, seconds);
        }
    }

    private DateTimeOffset Started { get; }

    private double Seconds => (resumedFrom?.Seconds ?? 0) + clock.Elapsed;

    /// <summary>
    /// Runs the recipe in the folder, or continues it there from its newest checkpoint. On cancellation the state is saved and the outcome has no report.
    /// </summary>
    /// <exception cref="MedixException">The recipe, the data or the model cannot be used, or too many rollouts cannot be scored.</exception>
    public static async Task<TrainingOutcome> ExecuteAsync(
        TrainRecipe recipe, RunFolder folder, bool resume, ITrainingObserver observer, TimeProvider time, CancellationToken cancellationToken)
    {
        observer.Message($"Run folder: {folder.Path}");
        folder.Write("recipe.json", RecipeLoader.ToJson(recipe) + "\n");
        (string Path, TrainingState State)? checkpoint = resume ? TrainingCheckpoint.Newest(folder) : null;
        if (checkpoint is { } found)
        {
            observer.Message($"Continuing from {found.Path}");
        }

        using RunParts parts = await RunParts.CreateAsync(recipe, folder, checkpoint?.Path, observer, cancellationToken).ConfigureAwait(false);
        using var run = new TrainingRun(recipe, folder, observer, time, parts, checkpoint?.State);
        return await run.RunAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public void Dispose() => parts.Dispose();

    private async Task<TrainingOutcome> RunAsync(CancellationToken cancellationToken)
    {
        folder.WriteJson("manifest.json", parts.Manifest);
        if (!WarmStart(cancellationToken))
        {
            return new TrainingOutcome(folder, null, 0);
        }

        int done = resumedFrom is { Phase: TrainingPhase.Rl } state ? state.Step : 0;
        try
        {
            IReadOnlyList<HeldOutAnswers> before = await BeforeAsync(cancellationToken).ConfigureAwait(false);
            done = await RlAsync(done, cancellationToken).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            IReadOnlyList<HeldOutAnswers> after = recipe.Steps == 0 ? before : await AnswerAsync("held-out answers after", cancellationToken).ConfigureAwait(false);
            return new TrainingOutcome(folder, Finish(before, after), done);
        }
        catch (OperationCanceledException)
        {
            observer.Message($"Stopped; {Path.Combine(folder.Path, "checkpoints")} holds the state.");
            return new TrainingOutcome(folder, null, done);
        }
    }

    /// <summary>False when interrupted.</summary>
    private bool WarmStart(CancellationToken cancellationToken)
    {
        if (recipe.WarmStart.Steps == 0 || resumedFrom is { Phase: TrainingPhase.Rl })
        {
            return true;
        }

        using var events = new EventLog(folder.PathOf("warm-start.jsonl"));
        WarmStart lessons = parts.CreateWarmStart();
        for (int step = (resumedFrom?.Step ?? 0) + 1; step <= recipe.WarmStart.Steps; step++)
        {
            WarmStartEvent report = clock.Time("warm start", () => lessons.Step(step));
            events.Append(report);
            observer.WarmStart(report, recipe.WarmStart.Steps);
            if (cancellationToken.IsCancellationRequested && step < recipe.WarmStart.Steps)
            {
                Save(TrainingPhase.WarmStart, step);
                return false;
            }
        }

        parts.Learner.RestartOptimizer();
        parts.Engine.UpdateWeights(parts.Learner);
        Save(TrainingPhase.Rl, 0);
        return true;
    }

    /// <summary>The answers of the policy that RL starts from. They are kept in the run folder, because a resumed run has other weights.</summary>
    private async Task<IReadOnlyList<HeldOutAnswers>> BeforeAsync(CancellationToken cancellationToken)
    {
        if (HeldOutFile.TryRead(folder, parts.Data.HeldOut) is { } kept)
        {
            return kept;
        }

        IReadOnlyList<HeldOutAnswers> before = await AnswerAsync("held-out answers before", cancellationToken).ConfigureAwait(false);
        HeldOutFile.Write(folder, before);
        return before;
    }

    private Task<IReadOnlyList<HeldOutAnswers>> AnswerAsync(string work, CancellationToken cancellationToken)
    {
        var options = new RolloutOptions(
            recipe.Evaluation.Draws, recipe.Rollout.MaxNewTokens, recipe.Evaluation.Temperature ?? recipe.Rollout.Temperature, Seed.Derive(recipe.Seed, Seed.Of("held-out")));
        var evaluator = new HeldOutEvaluator(parts.Engine, parts.Reward, options, observer);
        return clock.TimeAsync("held-out", () => evaluator.EvaluateAsync(parts.Data.HeldOut, parts.Preparer, work, cancellationToken));
    }

    private async Task<int> RlAsync(int done, CancellationToken cancellationToken)
    {
        Trainer trainer = parts.CreateTrainer(resumedFrom is { Phase: TrainingPhase.Rl } ? resumedFrom.SamplePosition : 0);
        using var events = new EventLog(folder.PathOf("events.jsonl"));
        try
        {
            while (done < recipe.Steps && !cancellationToken.IsCancellationRequested)
            {
                TrainingStep step = await trainer.StepAsync(done + 1, cancellationToken).ConfigureAwait(false);
                done++;
                parts.Engine.UpdateWeights(parts.Learner);
                Record(step, events);
                if (done % recipe.Checkpoint.Every == 0 && done < recipe.Steps)
                {
                    Save(TrainingPhase.Rl, done);
                }
            }
        }
        catch (OperationCanceledException)
        {
            observer.Message($"Interrupted within step {done + 1}; it will be drawn again.");
        }

        Save(TrainingPhase.Rl, done);
        return done;
    }

    private void Record(TrainingStep step, EventLog events)
    {
        events.Append(step.Event);
        foreach ((string phase, double seconds) in step.Event.PhaseSeconds)
        {
            clock.Add(phase, seconds);
        }

        RolloutFile.Write(folder, step);
        observer.Step(step.Event, recipe.Steps);
    }

    private void Save(TrainingPhase phase, int step) => TrainingCheckpoint.Save(
        folder,
        new TrainingState(phase, step, parts.Samples.Position, parts.Learner.OptimizerSteps, Started, Seconds, clock.Seconds),
        parts.Learner,
        recipe.Checkpoint.Keep);

    private TrainReport Finish(IReadOnlyList<HeldOutAnswers> before, IReadOnlyList<HeldOutAnswers> after)
    {
        string weights = clock.Time("save", () => parts.SaveModel(folder.PathOf("model")));
        IReadOnlyList<StepEvent> steps = EventLog.Read<StepEvent>(folder.PathOf("events.jsonl"));
        double temperature = recipe.Evaluation.Temperature ?? recipe.Rollout.Temperature;
        var report = new TrainReport(
            Run: folder.Path,
            Recipe: recipe,
            Started: Started,
            Seconds: Seconds,
            PeakMemoryBytes: PeakMemory(),
            Data: parts.Data.Summary,
            Steps: [.. steps.GroupBy(s => s.Step).Select(g => g.Last()).OrderBy(s => s.Step)],
            WarmStart: EventLog.Read<WarmStartEvent>(folder.PathOf("warm-start.jsonl")),
            HeldOut: HeldOutComparison.Of(before, after, recipe.Evaluation.Draws, temperature, recipe.Seed),
            Transcripts: HeldOutComparison.Transcripts(before, after, recipe.Evaluation.Transcripts),
            PhaseSeconds: clock.Seconds,
            Model: ModelOf(weights),
            JudgeName: parts.JudgeName,
            EmbedderName: parts.EmbedderName);
        TrainReportWriter.Write(report, folder.Path);
        ModelCardWriter.Write(report, parts.Licenses, folder.PathOf("model"));
        return report;
    }

    private ModelIdentity ModelOf(string weights) => new(
        parts.ModelName, parts.Learner.ParameterCount, parts.WeightsBefore.Sha256, weights, parts.WeightsBefore.Files is { Count: > 1 } shards ? shards : null);

    private static long PeakMemory()
    {
        using Process process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
