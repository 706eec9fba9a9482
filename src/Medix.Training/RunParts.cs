using Medix.Data;
using Medix.Evaluation.Reports;
using Medix.Imaging;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Rewards;
using Medix.Runs;
using Medix.Runs.Licenses;
using Medix.Runs.Recipes;
using Medix.Text;
using Medix.Training.Algorithms;
using Medix.Training.Learning;
using Medix.Training.Qwen3VL;
using Medix.Training.Rollouts;
using Medix.Weights;
using Medix.Weights.Adapters;

namespace Medix.Training;

/// <summary>What identifies a run's inputs; written to <c>manifest.json</c> before the first step.</summary>
public sealed record RunManifest(
    string MedixVersion, string Model, string WeightsSha256, long Parameters, string Data, string DataSha256, string Judge, string Embedder, ulong Seed);

/// <summary>The composition of a run: everything a recipe names, made and checked before any work begins.</summary>
public sealed class RunParts : IDisposable
{
    /// <summary>Most memory for resized pictures.</summary>
    internal const long ResizedPicturesBytes = 256L << 20;
    private readonly TrainRecipe recipe;
    private readonly ModelSource source;
    private readonly RewardFactory reward;

    private RunParts(
        TrainRecipe recipe, ModelSource source, RunData data, PolicyLearner learner, LocalPolicyEngine engine, RewardFactory reward, WeightsIdentity weightsBefore)
    {
        this.recipe = recipe;
        this.source = source;
        this.reward = reward;
        Data = data;
        Learner = learner;
        Engine = engine;
        WeightsBefore = weightsBefore;
        var images = new ImageProcessor(source.Images);
        Preparer = new SamplePreparer(
            new PromptBuilder(source.Tokenizer, images, learner.Config), images, RunData.LimitsOf(recipe.Data),
            cacheBytes: recipe.Data.Kind == "phantoms" ? 0 : ResizedPicturesBytes);
        Samples = new SampleFeed(data.Train, Preparer, Seed.Derive(recipe.Seed, Seed.Of("rl order")));
    }

    /// <summary>The samples.</summary>
    public RunData Data { get; }

    /// <summary>The policy with gradients.</summary>
    public PolicyLearner Learner { get; }

    /// <summary>The policy that answers.</summary>
    public LocalPolicyEngine Engine { get; }

    /// <summary>Sample to model input.</summary>
    public SamplePreparer Preparer { get; }

    /// <summary>The training samples' order.</summary>
    public SampleFeed Samples { get; }

    /// <summary>The reward.</summary>
    public CompositeReward Reward => reward.Reward;

    /// <summary>For reports.</summary>
    public string JudgeName => reward.JudgeName;

    /// <summary>For reports.</summary>
    public string EmbedderName => reward.EmbedderName;

    /// <summary>Where the model came from.</summary>
    public string ModelName => recipe.Model.Create is null ? recipe.Model.Path : "new model";

    /// <summary>What the licences of weights and data mean for the model that the run makes.</summary>
    public LicenseVerdict Licenses => LicenseCheck.Of(recipe, source.Folder);

    /// <summary>The weights that the run started from.</summary>
    public WeightsIdentity WeightsBefore { get; }

    /// <summary>The inputs' identity.</summary>
    public RunManifest Manifest => new(
        typeof(RunParts).Assembly.GetName().Version!.ToString(3), ModelName, WeightsBefore.Sha256, Learner.ParameterCount,
        Data.Summary.Source, Data.Summary.Hash, JudgeName, EmbedderName, recipe.Seed);

    /// <summary>Makes everything; <paramref name="checkpoint"/> is a folder whose weights and moments replace the model's.</summary>
    public static async Task<RunParts> CreateAsync(
        TrainRecipe recipe, RunFolder folder, string? checkpoint, ITrainingObserver observer, CancellationToken cancellationToken)
    {
        (RunData data, ModelSource source) = await OpenAsync(recipe, folder.PathOf("initial"), cancellationToken).ConfigureAwait(false);
        DataSummary counts = data.Summary;
        observer.Message($"Data: {counts.TrainingSamples} training samples, {counts.HeldOutSamples} held out ({counts.HeldOutPictures} pictures of their own)");
        foreach ((string reason, int rows) in data.Summary.LeftOut)
        {
            observer.Message($"  left out: {rows} x {reason}");
        }

        foreach (string warning in LicenseCheck.Of(recipe, source.Folder).Warnings)
        {
            observer.Message($"Licence: {warning}");
        }

        // Before the model: a reward that cannot be had should not cost minutes of loading.
        var reward = new RewardFactory(recipe.Reward, data.Texts.Select(t => t.Answer));
        bool adapts = recipe.Tuning.Lora is not null;
        using Checkpoint weights = Checkpoint.Open(adapts ? source.Folder : checkpoint ?? source.Folder);
        Algorithm algorithm = AlgorithmOf(recipe.Algorithm);
        var learner = new PolicyLearner(weights, recipe, algorithm, checkpoint, checkpoint is null ? null : source.Folder);
        var engine = new LocalPolicyEngine(Qwen3VLModel.FromCheckpoint(weights, StorageOf(weights, adapts)), source.Tokenizer);
        if (adapts)
        {
            engine.UpdateWeights(learner);
        }

        string trained = adapts ? $" ({learner.TrainedCount / 1e6:0.00} M trained in adapters)" : "";
        observer.Message($"Model: {recipe.Model.Path}, {learner.ParameterCount / 1e6:0.00} M parameters{trained}; {reward.JudgeName}, {reward.EmbedderName}");
        return new RunParts(recipe, source, data, learner, engine, reward, WeightsIdentity.Of(source.Folder));
    }

    /// <summary>Reads data and model files. A new model's tokenizer is made of the data's texts, so the order depends on the recipe.</summary>
    public static async Task<(RunData Data, ModelSource Source)> OpenAsync(TrainRecipe recipe, string newModelFolder, CancellationToken cancellationToken)
    {
        SampleSet? set = recipe.Data.Kind == "phantoms" ? null : await RunData.ReadAsync(recipe.Data, cancellationToken).ConfigureAwait(false);
        RunData? data = set is null ? RunData.OfPhantoms(recipe.Data, recipe.Seed) : null;
        ModelSource source;
        if (recipe.Model.Create is { } shape && !Directory.Exists(newModelFolder))
        {
            IEnumerable<TrainingText> texts = (data ?? RunData.Of(set!, recipe.Data, recipe.Seed)).Texts;
            IEnumerable<string> corpus = texts.SelectMany(t => (string[])[t.Question, WarmStart.Target(t.Modality, t.Reasoning, t.Answer)]);
            source = ModelSource.Create(shape, recipe.Seed, corpus, newModelFolder, recipe.Data);
        }
        else
        {
            source = ModelSource.Open(recipe.Model.Create is null ? recipe.Model : recipe.Model with { Path = newModelFolder }, recipe.Data);
        }

        if (set is not null)
        {
            var prompts = new PromptBuilder(source.Tokenizer, new ImageProcessor(source.Images), ModelConfigReader.Read(Path.Combine(source.Folder, "config.json")));
            data = RunData.Of(TokenBudget.Check(set, s => RunData.CountTokens(s, prompts), recipe.Data.MaxPromptTokens), recipe.Data, recipe.Seed);
        }

        return (data!, source);
    }

    /// <summary>The preset with the recipe's changes.</summary>
    public static Algorithm AlgorithmOf(AlgorithmRecipe recipe)
    {
        Algorithm preset = AlgorithmTable.Named(recipe.Preset);
        return preset with { Clip = preset.Clip with { Low = recipe.ClipLow ?? preset.Clip.Low, High = recipe.ClipHigh ?? preset.Clip.High } };
    }

    /// <summary>The supervised lessons.</summary>
    public WarmStart CreateWarmStart() => new(
        Learner, Preparer, source.Tokenizer, Learner.Config.EosTokenIds[0], Data, recipe.WarmStart, Seed.Derive(recipe.Seed, Seed.Of("warm start")));

    /// <summary>The RL loop, continuing at a position of the sample order.</summary>
    public Trainer CreateTrainer(long samplePosition)
    {
        Samples.Position = samplePosition;
        return new Trainer(Learner, Engine, Reward, Samples, AlgorithmOf(recipe.Algorithm), recipe);
    }

    /// <summary>Saves the policy in Hugging Face layout, or its adapter in PEFT's, and returns the SHA-256 of its weights (<see cref="WeightsIdentity"/>).</summary>
    public string SaveModel(string folder)
    {
        if (recipe.Tuning.Lora is null)
        {
            Learner.Model.Save(folder, recipe.Model.SavePrecision == "bf16" ? WeightStorage.Bf16 : WeightStorage.Fp32);
        }
        else
        {
            Learner.Model.ExportAdapter().Save(folder, Learner.Config);
        }

        source.CopyCompanions(folder);
        if (recipe.Tuning.Lora is null)
        {
            ModelSideFiles.WriteMissingSettings(folder, Learner.Config);
        }

        return WeightsIdentity.Of(folder).Sha256;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Learner.Dispose();
        Engine.Dispose();
        reward.Dispose();
    }

    /// <summary>An adapter is trained beside the base as it is: where that is in bf16, the engine needs no more.</summary>
    private static WeightStorage StorageOf(Checkpoint weights, bool adapts) =>
        adapts && ModelTensors.Of(weights.Config).Where(t => t.Shape.Length > 1).All(t => weights.Info(t.Name).DType == "BF16") ? WeightStorage.Bf16 : WeightStorage.Fp32;
}
