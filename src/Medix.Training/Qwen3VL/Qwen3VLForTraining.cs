using Medix.Inference.Kernels;
using Medix.Runs;
using Medix.Training.Modules;
using Medix.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Medix.Training.Qwen3VL;

/// <summary>
/// Qwen3-VL (dense) or text-only Qwen3 with gradients: the model as <c>reference/qwen3-vl</c> describes it, with all parameters in one flat fp32
/// storage under their published names. Not safe for concurrent use.
/// </summary>
public sealed class Qwen3VLForTraining : IDisposable
{
    private readonly Operations operations;
    private readonly VisionTower? vision;
    private readonly TextDecoder decoder;
    private readonly int[] bannedIds;

    private Qwen3VLForTraining(Qwen3VLConfig config, Device device, bool kernels)
    {
        RefuseMixture(config);
        Config = config;
        Device = device;
        operations = new Operations(kernels);
        Store = new ParameterStore([.. ModelTensors.Of(config)], device);
        vision = config.Vision is null ? null : new VisionTower(config.Vision, Store, operations);
        decoder = new TextDecoder(config.Text, Store, operations);
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

    /// <summary>The parameters under their published (canonical) names, in the order of the forward pass.</summary>
    public IReadOnlyList<NamedParameter> Parameters => Store.All;

    /// <summary>
    /// Reads a checkpoint into fp32. With <paramref name="ownKernels"/> false only torch's operations are used: the reference for tests.
    /// </summary>
    /// <exception cref="MedixException">The model is a mixture of experts, or a weight is NaN or infinite.</exception>
    public static Qwen3VLForTraining Load(Checkpoint checkpoint, Device? device = null, bool ownKernels = true)
    {
        RefuseMixture(checkpoint.Config);
        checkpoint.RequireFinite();
        Qwen3VLForTraining model = new(checkpoint.Config, device ?? CPU, ownKernels);
        foreach (NamedParameter parameter in model.Parameters)
        {
            model.Set(parameter, checkpoint.ReadFloat32(parameter.Name));
        }

        return model;
    }

    /// <summary>
    /// A new model with random weights: each parameter has its own sequence derived from the seed and its name, so the same seed gives the same model
    /// everywhere. Matrices are normal with deviation 0.02, those that write to the residual stream divided by √(2·layers); norms 1, biases 0.
    /// </summary>
    public static Qwen3VLForTraining Create(Qwen3VLConfig config, ulong seed, Device? device = null, bool ownKernels = true)
    {
        Qwen3VLForTraining model = new(config, device ?? CPU, ownKernels);
        foreach (NamedParameter parameter in model.Parameters)
        {
            model.Set(parameter, InitialWeights.For(parameter, config, seed));
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
        TokenStatistics result = operations.LogProbs(predicting, decoder.HeadWeight, packed.Targets, bannedIds, temperature);
        return new(result.LogProbs.MoveToOuterDisposeScope(), result.Entropy.MoveToOuterDisposeScope(), packed.Offsets);
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
        Tensor logits = operations.Linear(normed, decoder.HeadWeight);
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

    /// <summary>Gives every parameter's canonical name and current values (row-major), wherever they are.</summary>
    public void Export(Action<string, ReadOnlySpan<float>> receive)
    {
        using Tensor values = Store.Values.cpu();
        Span<float> all = Native.TensorMemory.Span(values);
        foreach (NamedParameter parameter in Parameters)
        {
            receive(parameter.Name, all.Slice(checked((int)parameter.Offset), checked((int)parameter.Count)));
        }
    }

    /// <summary>One parameter's current values (row-major) by its canonical name, for parameters on the CPU: what the inference engine reads its weights from.</summary>
    public ReadOnlySpan<float> Values(string name) => Native.TensorMemory.Span(Store[name]);

    /// <summary>
    /// Writes <c>config.json</c> and <c>model.safetensors</c> (fp32, or bf16 rounded to nearest even) into a folder that is created where needed; each file appears
    /// whole or not at all, the weights first.
    /// </summary>
    public void Save(string folder, WeightStorage storage = WeightStorage.Fp32) => ModelFolder.Save(this, folder, storage);

    /// <summary>Releases the parameters.</summary>
    public void Dispose() => Store.Dispose();

    private static void RefuseMixture(Qwen3VLConfig config)
    {
        if (config.Text.Experts is > 0)
        {
            throw new MedixException(
                $"The model is a mixture of {config.Text.Experts} experts (architecture {config.Architecture}), which cannot be trained here. " +
                "Train a dense model: Qwen3VLForConditionalGeneration or Qwen3ForCausalLM.");
        }
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

        return vision.Forward(tensor(patches, [patches.Length / patchLength, patchLength], device: Device), grids, observe);
    }

    private void Set(NamedParameter parameter, float[] values)
    {
        using IDisposable noGradient = no_grad();
        using Tensor source = tensor(values, [.. parameter.Shape], device: Device);
        parameter.Value.copy_(source);
    }
}
