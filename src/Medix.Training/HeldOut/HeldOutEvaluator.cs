using Medix.Data;
using Medix.Rewards;
using Medix.Runs;
using Medix.Training.Rollouts;

namespace Medix.Training.HeldOut;

/// <summary>The answers to one held-out sample: draws at the evaluation temperature, and the greedy one.</summary>
public sealed record HeldOutAnswers(Sample Sample, IReadOnlyList<ScoredRollout> Sampled, ScoredRollout Greedy);

/// <summary>Lets the current policy answer the held-out samples and scores the answers with the training reward.</summary>
public sealed class HeldOutEvaluator(IPolicyEngine engine, CompositeReward reward, RolloutOptions options, ITrainingObserver observer)
{
    private const int PromptsPerBatch = 32;

    /// <summary>Answers and scores all samples. The seeds depend on the sample and the draw alone, so before and after differ by the policy only.</summary>
    public async Task<IReadOnlyList<HeldOutAnswers>> EvaluateAsync(
        IReadOnlyList<Sample> samples, SamplePreparer preparer, string work, CancellationToken cancellationToken)
    {
        var answers = new List<HeldOutAnswers>(samples.Count);
        RolloutOptions greedy = options with { Draws = 1, Temperature = 0 };
        foreach (Sample[] batch in samples.Chunk(PromptsPerBatch))
        {
            PreparedSample[] prompts = [.. batch.Select(preparer.Prepare)];
            IReadOnlyList<ScoredGroup> sampled = await ScoreAsync(engine.Collect(prompts, options, cancellationToken), cancellationToken).ConfigureAwait(false);
            IReadOnlyList<ScoredGroup> best = await ScoreAsync(engine.Collect(prompts, greedy, cancellationToken), cancellationToken).ConfigureAwait(false);
            answers.AddRange(batch.Select((sample, i) => new HeldOutAnswers(sample, sampled[i].Rollouts, best[i].Rollouts[0])));
            observer.Progress(work, answers.Count, samples.Count);
        }

        return answers;
    }

    private Task<IReadOnlyList<ScoredGroup>> ScoreAsync(IReadOnlyList<RolloutGroup> groups, CancellationToken cancellationToken) =>
        RolloutScoring.ScoreAsync(reward, groups, cancellationToken);
}
