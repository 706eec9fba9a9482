using Medix.Inference.Kernels;
using Medix.Runs;
using Medix.Training.Modules;
using Medix.Weights;
using Medix.Weights.Adapters;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Qwen3VL;

/// <summary>
/// Qwen3-VL or text-only Qwen3 with gradients (arXiv 2511.21631, 2505.09388), parameters under their published names. All are trained, or some of them, or
/// low-rank adapters beside them (<see cref="TuningOptions"/>). Not safe for concurrent use.
/// </summary>
public sealed class Qwen3VLForTraining : IDisposable
{
    private readonly Operations operations;
    private readonly VisionTower? vision;
    private readonly TextDecoder decoder;
    private readonly AdapterTerms adapters;
    private readonly int[] bannedIds;
    private readonly bool trainsVision;
    private Tensor? widened;

    private Qwen3VLForTraining(Qwen3VLConfig config, TuningOptions options)
    {
        Config = config;
        Options = options;
        Device = options.Device ?? CPU;
        operations = new Operations(options.OwnKernels, options.BFloat16 ? ScalarType.BFloat16 : ScalarType.Float32, options.RecomputeActivations);
        adapters = new AdapterTerms(config, options.Lora);
        Store = new ParameterStore([.. ModelTensors.Of(config).Where(tensor => options.Trains(tensor.Name)), .. adapters.Plan], Device);
        adapters.Bind(Store);
        trainsVision = Store.All.Any(parameter => parameter.Name.StartsWith(ModelTensors.VisionPrefix, StringComparison.Ordinal));
        Projections projections = new(Store, operations, adapters);
        vision = config.Vision is null ? null : new VisionTower(config.Vision, Store, operations, projections);
        decoder = new TextDecoder(config.Text, Store, operations, projections, new MixtureOfExperts(config.Text, Store, operations, adapters));
        bannedIds = config.Vision is null
            ? []
            : [.. new[] { config.ImageTokenId, config.VideoTokenId }.Distinct().Where(id => id >= 0 && id < config.Text.VocabularySize)];
    }

    /// <summary>The model's shape.</summary>
    public Qwen3VLConfig Config { get; }

    /// <summary>Where the parameters are.</summary>
    public Device Device { get; }

    /// <summary>The parameters' storage, for the optimiser and checkpoints.</summary>
    public ParameterStore Store { get; }

    /// <summary>What of the model is trained, and how.</summary>
    public TuningOptions Options { get; }

    /// <summary>The trainable parameters under their published (canonical) names, in the order of the forward pass; adapters' after them.</summary>
    public IReadOnlyList<NamedParameter> Parameters => Store.All;

    /// <summary>Parameters of the whole model, frozen ones included, adapters not.</summary>
    public long ModelParameterCount => ModelTensors.Of(Config).Sum(tensor => tensor.Shape.Aggregate(1L, (product, side) => product * side));

    /// <summary>
    /// Reads a checkpoint: what is trained into fp32, what is frozen in the precision it has.
    /// </summary>
    /// <exception cref="MedixException">A weight is NaN or infinite, or the adapter's settings do not fit the model.</exception>
    public static Qwen3VLForTraining Load(Checkpoint checkpoint, TuningOptions? options = null)
    {
        checkpoint.RequireFinite();
        Qwen3VLForTraining model = new(checkpoint.Config, options ?? new());
        foreach (ExpectedTensor tensor in ModelTensors.Of(checkpoint.Config))
        {
            if (model.Options.Trains(tensor.Name))
            {
                model.Set(model.Store.Trainable(tensor.Name), checkpoint.ReadFloat32(tensor.Name), checkpoint.Info(tensor.Name).Shape);
            }
            else
            {
                model.Store.AddFrozen(tensor.Name, FrozenWeights.Read(checkpoint, tensor, model.Device));
            }
        }

        model.adapters.TakeLengths(model.Store);
        model.adapters.Initialise(model.Options.Adapter, model.Options.Seed);
        return model;
    }

    /// <summary>
    /// A new model with random weights: each parameter has its own sequence derived from the seed and its name, so the same seed gives the same model
    /// everywhere. Matrices are normal with deviation 0.02, those that write to the residual stream divided by √(2·layers); norms 1, biases 0.
    /// </summary>
    public static Qwen3VLForTraining Create(Qwen3VLConfig config, ulong seed, TuningOptions? options = null)
    {
        if (options is { Lora: not null } or { FreezeVision: true })
        {
            throw new ArgumentException("A new model has no weights worth freezing: train all of it.", nameof(options));
        }

        Qwen3VLForTraining model = new(config, options ?? new());
        foreach (NamedParameter parameter in model.Parameters)
        {
            model.Set(parameter, InitialWeights.For(parameter, config, seed), parameter.Shape);
        }

        return model;
    }

    /// <summary>
    /// Log-probability and entropy of every response token at <paramref name="temperature"/>, over the whole vocabulary less the image and video
    /// placeholders (which the sampler never draws). Builds the graph unless gradients are off; dispose the result.
    /// </summary>
    public ResponseLogProbs Evaluate(TrainingBatch batch, float temperature)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(temperature);
        using DisposeScope scope = NewDisposeScope();
        PackedBatch packed = PackedBatch.Of(batch, Config);
        float[] patches = Concatenate([.. batch.Groups.Select(group => group.Prompt.Patches)]);
        DecoderInput input = new(
            packed.Tokens, RotaryTables.ForText(packed.Time, packed.Row, packed.Column, Config.Text, Device), packed.Layout, packed.ImageRows,
            See(patches, packed.Grids, packed.ImageRows.Length, null));
        Tensor hidden = decoder.Forward(input, null);
        Tensor predicting = decoder.Norm(operations.Gather(hidden, RowMix.Lookup(packed.PredictingRows)));
        HeadOperands head = decoder.Head(predicting);
        TokenStatistics result = operations.LogProbs(head.Hidden, head.Weight, packed.Targets, bannedIds, temperature);
        return new(result.LogProbs.MoveToOuterDisposeScope(), result.Entropy.MoveToOuterDisposeScope(), packed.Offsets);
    }

    /// <summary><see cref="Evaluate"/> of the model without its adapter: the reference of a KL penalty, without a second copy of the weights.</summary>
    public ResponseLogProbs EvaluateBase(TrainingBatch batch, float temperature)
    {
        adapters.Off = true;
        try
        {
            return Evaluate(batch, temperature);
        }
        finally
        {
            adapters.Off = false;
        }
    }

    /// <summary>
    /// Logits [rows, length, vocabulary] of a padded batch, every place computed on its own sequence's real tokens; zeros at padded places.
    /// The caller disposes the result.
    /// </summary>
    public Tensor Forward(ForwardInput input) => Forward(input, null);

    /// <summary>As <see cref="Forward(ForwardInput)"/>; text intermediates are observed without the padded places, [real tokens, width].</summary>
    internal Tensor Forward(ForwardInput input, Observer? observe)
    {
        using DisposeScope scope = NewDisposeScope();
        int[] real = [.. Enumerable.Range(0, input.Tokens.Length).Where(i => input.Mask[i] != 0)];
        int[] tokens = Array.ConvertAll(real, i => input.Tokens[i]);
        int[] imageRows = [.. Enumerable.Range(0, tokens.Length).Where(i => IsPlaceholder(tokens[i]))];
        int[] Axis(int axis) => Array.ConvertAll(real, i => input.Positions[(axis * input.Tokens.Length) + i]);
        IEnumerable<int> lengths = Enumerable.Range(0, input.Rows).Select(row => input.Mask.AsSpan(row * input.Length, input.Length).Count(1));
        DecoderInput decoderInput = new(
            tokens, RotaryTables.ForText(Axis(0), Axis(1), Axis(2), Config.Text, Device), AttentionLayout.OfLengths(lengths, causal: true), imageRows,
            See(input.Patches, input.Grids, imageRows.Length, observe));
        Tensor normed = decoder.Norm(decoder.Forward(decoderInput, observe));
        observe?.Invoke("text.normed", normed);
        HeadOperands head = decoder.Head(normed);
        Tensor logits = operations.Linear(head.Hidden, head.Weight).to_type(ScalarType.Float32);
        Tensor places = tensor(Array.ConvertAll(real, i => (long)i), device: Device);
        Tensor all = zeros([input.Tokens.Length, Config.Text.VocabularySize], logits.dtype, Device).index_copy(0, places, logits);
        return all.view(input.Rows, input.Length, -1).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Back-propagates a scalar loss of <see cref="Evaluate"/> or <see cref="Forward(ForwardInput)"/>: adds to the parameters' gradients. Call it once per graph.
    /// </summary>
    public static void Backward(Tensor loss)
    {
        // What libtorch hands to our functions and back is gone when the scope ends; the gradients are in the store.
        using DisposeScope scope = NewDisposeScope();
        loss.backward();
        GradientTensors.Release();
    }

    /// <summary>
    /// Gives every weight's canonical name and current values (row-major), frozen ones included, in <see cref="ModelTensors"/>'s order and wherever they are;
    /// adapters are not merged.
    /// </summary>
    public void Export(Action<string, ReadOnlySpan<float>> receive)
    {
        foreach (ExpectedTensor tensor in ModelTensors.Of(Config))
        {
            using DisposeScope scope = NewDisposeScope();
            receive(tensor.Name, Native.TensorMemory.Span(Store[tensor.Name].detach().to_type(ScalarType.Float32).cpu()));
        }
    }

    /// <summary>The adapter as it stands. Throws <see cref="InvalidOperationException"/> where the weights themselves are trained.</summary>
    public LoraAdapter ExportAdapter() => Options.Lora is null
        ? throw new InvalidOperationException("The model's weights are trained, not an adapter.")
        : adapters.Export();

    /// <summary>Copies a slice of one parameter's current values by its canonical name: what the inference engine reads its weights from.</summary>
    public void CopyValues(string name, long start, Span<float> values) => Values(name).Slice(checked((int)start), values.Length).CopyTo(values);

    /// <summary>
    /// One parameter's current values (row-major) by its canonical name: what the inference engine reads its weights from. Valid until the next call or update.
    /// </summary>
    public ReadOnlySpan<float> Values(string name)
    {
        Tensor value = Store[name];
        if (Native.TensorMemory.IsPlainFloat32(value))
        {
            return Native.TensorMemory.Span(value);
        }

        using DisposeScope scope = NewDisposeScope();
        widened?.Dispose();
        widened = value.detach().to_type(ScalarType.Float32).cpu().contiguous().DetachFromDisposeScope();
        return Native.TensorMemory.Span(widened);
    }

    /// <summary>
    /// Writes <c>config.json</c> and <c>model.safetensors</c> (fp32, or bf16 rounded to nearest even) into a folder that is created where needed; each file appears
    /// whole or not at all, the weights first.
    /// </summary>
    public void Save(string folder, WeightStorage storage = WeightStorage.Fp32) => ModelFolder.Save(this, folder, storage);

    /// <summary>Releases the parameters.</summary>
    public void Dispose()
    {
        widened?.Dispose();
        Store.Dispose();
    }

    private static float[] Concatenate(IReadOnlyList<float[]> parts)
    {
        var all = new float[parts.Sum(part => part.Length)];
        int at = 0;
        foreach (float[] part in parts)
        {
            part.CopyTo(all, at);
            at += part.Length;
        }

        return all;
    }

    private bool IsPlaceholder(int token) => vision is not null && (token == Config.ImageTokenId || token == Config.VideoTokenId);

    private VisionFeatures? See(float[] patches, IReadOnlyList<Imaging.ImageGrid> grids, int placeholders, Observer? observe)
    {
        if (grids.Count == 0 && placeholders == 0)
        {
            return null;
        }

        int merge = Config.Vision?.SpatialMergeSize ?? 1, patchLength = Config.Vision?.PatchLength ?? 1;
        int merged = grids.Sum(grid => grid.Patches) / (merge * merge);
        if (vision is null || merged != placeholders || grids.Sum(grid => (long)grid.Patches) * patchLength != patches.Length)
        {
            throw new MedixException(
                $"The prompts hold {placeholders} image placeholders, but their {grids.Count} image grids make {merged} tokens from {patches.Length} patch values " +
                $"of {patchLength} each. Build prompts with the model's own image processor.");
        }

        Tensor input = tensor(patches, [patches.Length / patchLength, patchLength], device: Device);
        if (trainsVision)
        {
            return vision.Forward(input, grids, observe);
        }

        using IDisposable noGradient = no_grad();
        return vision.Forward(input, grids, observe);
    }

    /// <summary>Expert weights may come as [experts, out, in]; they are held as published, [experts, in, out].</summary>
    private void Set(NamedParameter parameter, float[] values, IReadOnlyList<long> shape)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor source = tensor(values, [.. shape], device: Device);
        parameter.Value.copy_(shape.SequenceEqual(parameter.Shape) ? source : source.transpose(1, 2));
    }
}
