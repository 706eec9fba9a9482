using Medix.Inference.Generation;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Text;
using Medix.Training.Learning;

namespace Medix.Training.Rollouts;

/// <summary>Rollouts on this machine: Medix's own engine over a copy of the policy's weights.</summary>
public sealed class LocalPolicyEngine(Qwen3VLModel model, Tokenizer tokenizer) : IPolicyEngine, IDisposable
{
    private readonly BatchedGenerator generator = new(model);
    private int version;
    private ModelAdapter? adapter;

    /// <inheritdoc />
    public IReadOnlyList<RolloutGroup> Collect(IReadOnlyList<PreparedSample> prompts, RolloutOptions options, CancellationToken cancellationToken)
    {
        GenerationRequest[] requests = [.. prompts.Select(p => new GenerationRequest(p.Input, Seeds(p.Sample.Id, options)))];
        var sampling = new SamplingOptions(options.MaxNewTokens, (float)options.Temperature);
        IReadOnlyList<IReadOnlyList<Completion>> completions = generator.Generate(requests, sampling, cancellationToken: cancellationToken);
        return [.. prompts.Select((p, i) => new RolloutGroup(p, [.. completions[i].Select((c, draw) => ToRollout(p.Sample.Id, draw, c))]))];
    }

    /// <summary>Takes over the learner's weights, or its adapter, which runs beside the base as it does in training.</summary>
    public void UpdateWeights(PolicyLearner learner)
    {
        if (learner.Model.Options.Lora is null)
        {
            model.UpdateWeights(learner.Model.CopyValues);
        }
        else
        {
            ModelAdapter newer = model.Prepare(learner.Model.ExportAdapter());
            model.Use(newer);
            adapter?.Dispose();
            adapter = newer;
        }

        version++;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        adapter?.Dispose();
        model.Dispose();
    }

    private static ulong[] Seeds(string sampleId, RolloutOptions options) =>
        [.. Enumerable.Range(0, options.Draws).Select(draw => Seed.Derive(options.Seed, Seed.Of(sampleId), (ulong)draw))];

    private Rollout ToRollout(string sampleId, int draw, Completion completion) => new(
        sampleId, draw, completion.Tokens, completion.LogProbs, tokenizer.Decode(completion.Tokens, skipSpecial: true), completion.FinishReason, version);
}
