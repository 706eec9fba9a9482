using Medix.Runs;
using Medix.Runs.Recipes;
using Medix.Training.Algorithms;
using Medix.Training.Losses;
using Medix.Training.Optimizers;
using Medix.Training.Qwen3VL;
using Medix.Weights;
using TorchSharp;

namespace Medix.Training.Learning;

/// <summary>What an update did. The log-probability differences compare the trainer with the sampler before the first update of the step.</summary>
public sealed record UpdateReport(double Loss, LossMetrics Metrics, double GradNorm, double LogprobDifferenceMean, double LogprobDifferenceMax)
{
    /// <summary>The update of a step without groups: nothing changed.</summary>
    public static UpdateReport Nothing { get; } = new(0, new LossMetrics(), 0, 0, 0);
}

/// <summary>
/// The policy with its optimiser. Losses and their gradients by log-probability are computed in plain C#; autograd carries them into the weights.
/// </summary>
public sealed class PolicyLearner : IDisposable
{
    private readonly OptimizerRecipe recipe;
    private readonly Algorithm algorithm;
    private readonly IPolicyLoss loss;
    private readonly float temperature;
    private readonly Qwen3VLForTraining? reference;
    private DeviceOptimizer optimizer;

    /// <summary>
    /// Loads the policy. <paramref name="checkpoint"/> is a folder with the optimiser's moments, and with the adapter where one is trained;
    /// <paramref name="referenceFolder"/> holds the frozen reference of a KL penalty where it is not the policy's own start.
    /// </summary>
    public PolicyLearner(Checkpoint weights, TrainRecipe recipe, Algorithm algorithm, string? checkpoint, string? referenceFolder)
    {
        this.recipe = recipe.Optimizer;
        this.algorithm = algorithm;
        loss = algorithm.CreateLoss();
        temperature = (float)recipe.Rollout.Temperature;
        TuningOptions options = Tuning.OptionsOf(recipe, weights.Config, checkpoint);
        Model = Qwen3VLForTraining.Load(weights, options);
        optimizer = new DeviceOptimizer(Model.Store);
        if (checkpoint is not null)
        {
            optimizer.Import(OptimizerFile.Read(checkpoint));
        }

        if (algorithm.NeedsReference && options.Lora is null)
        {
            using Checkpoint? other = referenceFolder is null ? null : Checkpoint.Open(referenceFolder);
            reference = Qwen3VLForTraining.Load(other ?? weights, options with { FreezeAll = true });
        }
    }

    /// <summary>The model with gradients.</summary>
    public Qwen3VLForTraining Model { get; }

    /// <summary>The model's shape.</summary>
    public Qwen3VLConfig Config => Model.Config;

    /// <summary>Number of weights of the model.</summary>
    public long ParameterCount => Model.ModelParameterCount;

    /// <summary>Number of weights that are trained: the model's own, or its adapters'.</summary>
    public long TrainedCount => Model.Parameters.Sum(p => p.Count);

    /// <summary>Updates the moments have seen.</summary>
    public long OptimizerSteps => optimizer.Step;

    /// <summary>
    /// One step's updates: the groups are dealt over <c>optimizer.updatesPerStep</c> updates; within one, passes of bounded size add up to the exact loss.
    /// </summary>
    public UpdateReport Update(IReadOnlyList<TrainingRollout> rollouts, double rate)
    {
        TrainingRollout[] used = [.. rollouts.Where(r => r.Rollout.Tokens.Length > 0)];
        if (used.Length == 0)
        {
            return UpdateReport.Nothing;
        }

        var differences = default(DifferenceSums);
        List<LossMetrics> metrics = [];
        double total = 0, norm = 0;
        bool first = true;
        foreach (IReadOnlyList<TrainingRollout> update in Deal(used, recipe.UpdatesPerStep))
        {
            LossScale scale = LossScale.OfLengths([.. update.Select(r => r.Rollout.Tokens.Length)]);
            Model.Store.ZeroGradients();
            total = 0;
            foreach (PolicyPass pass in Passes(update))
            {
                PolicyLossResult result = Accumulate(pass, scale, first, ref differences);
                metrics.Add(result.Metrics);
                total += result.Loss;
            }

            norm = Apply(rate, recipe.WeightDecay);
            first = false;
        }

        return new UpdateReport(total, LossMetrics.Combine([.. metrics]), norm, differences.Mean, differences.Max);
    }

    /// <summary>One supervised update: mean negative log-likelihood of the responses' tokens, and the gradient norm.</summary>
    public (double Loss, double GradNorm) Imitate(IReadOnlyList<SupervisedExample> examples, double rate, double weightDecay)
    {
        Model.Store.ZeroGradients();
        var batch = new TrainingBatch([.. examples.Select(e => new TrainingGroup(e.Prompt.Input, [e.Response]))]);
        double value;
        using (DisposeScope scope = torch.NewDisposeScope())
        {
            using ResponseLogProbs result = Model.Evaluate(batch, 1);
            torch.Tensor mean = result.LogProbs.mean().neg();
            value = mean.item<float>();
            Qwen3VLForTraining.Backward(mean);
        }

        return double.IsFinite(value)
            ? (value, Apply(rate, weightDecay))
            : throw new MedixException($"The supervised loss is {value}. Lower warmStart.learningRate (now {rate}) and look for non-finite weights with `medix doctor`.");
    }

    /// <summary>Forgets the moments: RL begins with an optimiser of its own.</summary>
    public void RestartOptimizer() => optimizer = new DeviceOptimizer(Model.Store);

    /// <summary>Writes what is trained, the weights (fp32) or the adapter, and the moments into a folder.</summary>
    public void Save(string folder)
    {
        if (Model.Options.Lora is null)
        {
            Model.Save(folder);
        }
        else
        {
            Model.ExportAdapter().Save(folder, Config);
        }

        OptimizerFile.Write(folder, optimizer.Export());
    }

    /// <inheritdoc />
    public void Dispose()
    {
        reference?.Dispose();
        Model.Dispose();
    }

    private static IEnumerable<IReadOnlyList<TrainingRollout>> Deal(IReadOnlyList<TrainingRollout> rollouts, int updates)
    {
        TrainingRollout[][] groups = [.. rollouts.GroupBy(r => r.Group).Select(g => g.ToArray())];
        int perUpdate = (groups.Length + updates - 1) / updates;
        return groups.Chunk(perUpdate).Select(chunk => (IReadOnlyList<TrainingRollout>)[.. chunk.SelectMany(g => g)]);
    }

    private IEnumerable<PolicyPass> Passes(IReadOnlyList<TrainingRollout> rollouts)
    {
        List<TrainingRollout> pass = [];
        int tokens = 0;
        foreach (IGrouping<int, TrainingRollout> group in rollouts.GroupBy(r => r.Group))
        {
            int size = group.First().Prompt.Input.Tokens.Length + group.Sum(r => r.Rollout.Tokens.Length);
            if (pass.Count > 0 && tokens + size > recipe.MaxTokensPerPass)
            {
                yield return new PolicyPass(pass);
                pass = [];
                tokens = 0;
            }

            pass.AddRange(group);
            tokens += size;
        }

        yield return new PolicyPass(pass);
    }

    private double Apply(double rate, double weightDecay) => optimizer.Update(
        new AdamWOptions(rate, recipe.Beta1, recipe.Beta2, WeightDecay: weightDecay, MaxGradientNorm: recipe.MaxGradNorm)).GradientNorm;

    private PolicyLossResult Accumulate(PolicyPass pass, LossScale scale, bool compare, ref DifferenceSums differences)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        using ResponseLogProbs result = Model.Evaluate(pass.Batch, temperature);
        float[] logProbs = result.LogProbs.detach().cpu().data<float>().ToArray();
        if (compare)
        {
            pass.Compare(logProbs, ref differences);
        }

        PolicyBatch batch = pass.Collate(logProbs, result.Entropy.detach().cpu().data<float>().ToArray(), ReferenceLogProbs(pass));
        PolicyLossResult objective = PolicyObjective.Compute(loss, batch, algorithm.Options, scale);
        Qwen3VLForTraining.Backward((result.LogProbs * torch.tensor(pass.Flatten(objective.Gradient), device: Model.Device)).sum());
        return objective;
    }

    private float[]? ReferenceLogProbs(PolicyPass pass)
    {
        if (!algorithm.NeedsReference)
        {
            return null;
        }

        // An adapter's reference is its own base: no second model is kept.
        using DisposeScope scope = torch.NewDisposeScope();
        using IDisposable noGradient = torch.no_grad();
        using ResponseLogProbs result = reference?.Evaluate(pass.Batch, temperature) ?? Model.EvaluateBase(pass.Batch, temperature);
        return result.LogProbs.cpu().data<float>().ToArray();
    }
}
