using Medix.Inference.Generation;
using Medix.Inference.Qwen3VL;
using Medix.Training.Qwen3VL;
using Medix.Training.Tests.Native;
using Medix.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Tests.Qwen3VL;

/// <summary>The trainer's log-probabilities of what the inference engine drew, against those the engine reported while drawing.</summary>
public class EngineAgreementTests
{
    private const float Temperature = 0.9f;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Trainer_and_rollout_give_the_same_log_probabilities(bool vision)
    {
        using TensorLeaks leaks = new();
        Qwen3VLConfig config = vision ? TinyModels.Vision : TinyModels.Text;
        using Qwen3VLForTraining model = TinyModels.Create(config);
        using Qwen3VLForTraining stale = Qwen3VLForTraining.Create(config, 99);
        using Qwen3VLModel engine = Qwen3VLModel.FromParameters(config, name => stale.Values(name).ToArray());
        engine.UpdateWeights(model.CopyValues);
        TrainingGroup[] prompts = [.. TinyModels.Batch(config, [1], [1], [1]).Groups];
        GenerationRequest[] requests = [.. prompts.Select((group, i) => new GenerationRequest(group.Prompt, [(ulong)i, 17, 18 + (ulong)i]))];
        IReadOnlyList<IReadOnlyList<Completion>> drawn = new BatchedGenerator(engine).Generate(
            requests, new(MaxNewTokens: 14, Temperature: Temperature), cancellationToken: TestContext.Current.CancellationToken);
        TrainingBatch batch = new([.. prompts.Select((group, i) => group with { Responses = [.. drawn[i].Select(completion => completion.Tokens)] })]);

        using IDisposable noGradient = no_grad();
        using ResponseLogProbs result = model.Evaluate(batch, Temperature);
        float[] trainer = result.LogProbs.data<float>().ToArray(), rollout = [.. drawn.SelectMany(group => group.SelectMany(c => c.LogProbs))];
        Assert.Equal(rollout.Length, trainer.Length);
        Assert.All(trainer.Zip(rollout), pair => Assert.Equal(pair.Second, pair.First, 1e-4f));
    }
}
