using System.Globalization;
using Medix.Imaging;
using Medix.Inference.Kernels;
using Medix.Inference.Packed;
using Medix.Runs;
using Medix.Text;
using Medix.Weights;
using Medix.Weights.Adapters;
using Medix.Weights.Gguf.Import;

namespace Medix.Inference.Qwen3VL;

/// <summary>
/// A Qwen3-VL or text-only Qwen3 model on the CPU (arXiv 2511.21631, 2505.09388): weights in single precision, bfloat16 or
/// integers of 8 or 4 bits (<see cref="WeightStorage"/>), sums in single precision.
/// One caller at a time; the work is shared out over the pool, and results do not depend on its size.
/// </summary>
public sealed unsafe class Qwen3VLModel : IDisposable
{
    private readonly TextWeights text;
    private readonly VisionWeights? vision;
    private readonly VisionTower? tower;
    private readonly Prefill prefill;
    private PackedFile? mapped;
    private IReadOnlyDictionary<string, IReadOnlyList<WeightPlace>> places = new Dictionary<string, IReadOnlyList<WeightPlace>>();

    private Qwen3VLModel(Qwen3VLConfig config, ModelMemory memory, WorkerPool pool, KeyValueStorage? keysAndValues)
    {
        Config = config;
        Memory = memory;
        Pool = pool;
        text = new TextWeights(config.Text, memory);
        memory.Provide();
        Decoder = new TextDecoder(config.Text, text, pool, keysAndValues ?? memory.Plan.KeysAndValues);
        prefill = new Prefill(Decoder, config);
        if (config.Vision is not null)
        {
            vision = new VisionWeights(config.Vision, memory);
            memory.Provide();
            tower = new VisionTower(config.Vision, vision, pool);
        }
    }

    /// <summary>The model's shape.</summary>
    public Qwen3VLConfig Config { get; }

    /// <summary>How the matrices are stored.</summary>
    public StoragePlan Plan => Memory.Plan;

    /// <summary>How the text decoder's keys and values are kept.</summary>
    public KeyValueStorage KeysAndValues => Decoder.Pages.Format.Storage;

    /// <summary>Bytes that one token's keys and values take.</summary>
    public long KeyValueBytesPerToken => Decoder.Pages.PageBytes / KvPages.Positions;

    /// <summary>The threads that compute.</summary>
    public WorkerPool Pool { get; }

    /// <summary>Changes whenever the weights or the adapter do: keys, values and features computed before belong to another model.</summary>
    internal int Version { get; private set; }

    /// <summary>Where the parameters are, with their names in packed files.</summary>
    internal ModelMemory Memory { get; }

    /// <summary>The published names of the parameters that adapters may change.</summary>
    internal IEnumerable<string> PlaceNames => places.Keys;

    /// <summary>The decoder, for generation.</summary>
    internal TextDecoder Decoder { get; }

    /// <summary>The decoder's parameters.</summary>
    internal TextWeights Text => text;

    /// <summary>The vision tower's parameters, or null.</summary>
    internal VisionWeights? Vision => vision;

    /// <summary>Bytes of all matrices.</summary>
    public long WeightBytes => text.Matrices.Concat(vision?.Matrices ?? []).Sum(matrix => matrix.Bytes);

    /// <summary>Bytes of weights that one token alone reads: every layer's matrices, of experts those it is sent to, and the head.</summary>
    public long BytesPerToken => text.Bytes;

    /// <summary>Products of one prompt token, without the head and attention.</summary>
    internal long ProductsPerToken => text.ProductsPerToken;

    /// <summary>
    /// Loads published weights, slice by slice: what has been packed is given back to the system, so that the peak is hardly above the loaded model.
    /// <paramref name="pool"/> null takes <see cref="WorkerPool.Shared"/>. The checkpoint may be closed afterwards. <paramref name="keysAndValues"/> is, here and with
    /// the other ways to make a model, how the text decoder keeps what it has computed, null for what suits the weights (<see cref="StoragePlan.KeysAndValues"/>); the
    /// vision tower's are always single precision.
    /// </summary>
    public static Qwen3VLModel FromCheckpoint(
        Checkpoint checkpoint, WeightStorage storage = WeightStorage.Fp32, WorkerPool? pool = null, KeyValueStorage? keysAndValues = null) =>
        FromCheckpoint(checkpoint, StoragePlan.For(storage), pool, keysAndValues);

    /// <summary>The same with a storage for each kind of matrix.</summary>
    public static Qwen3VLModel FromCheckpoint(
        Checkpoint checkpoint, StoragePlan plan, WorkerPool? pool = null, KeyValueStorage? keysAndValues = null)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        return Load(checkpoint.Config, plan, pool, keysAndValues, WeightSource.Of(checkpoint).LoaderFor);
    }

    /// <summary>
    /// Opens a model that was packed before (<see cref="PackedFile"/>), a <c>.medix</c> file or the folder that holds <c>model.medix</c>: it is mapped, nothing is
    /// copied, so that a model of any size is there at once and its pages come as they are first read.
    /// </summary>
    /// <exception cref="MedixException">The file is not one, of another version, cut short, or contradicts itself; the message names the field.</exception>
    public static Qwen3VLModel FromPacked(string path, WorkerPool? pool = null, KeyValueStorage? keysAndValues = null)
    {
        PackedFile file = PackedFile.Open(path);
        try
        {
            MappedModelMemory memory = new(file);
            Qwen3VLModel model = new(file.Config, memory, pool ?? WorkerPool.Shared, keysAndValues) { mapped = file };
            memory.RequireAllUsed();
            model.Load(new WeightLoader(null, model.Pool));
            return model;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Builds a model from parameters in memory, given by canonical published name and in the published layout (<see cref="ModelTensors"/>).
    /// Throws <see cref="MedixException"/> when a parameter has the wrong size.
    /// </summary>
    public static Qwen3VLModel FromParameters(
        Qwen3VLConfig config, Func<string, float[]> parameters, WeightStorage storage = WeightStorage.Fp32, WorkerPool? pool = null,
        KeyValueStorage? keysAndValues = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(parameters);
        Dictionary<string, long> sizes = ModelTensors.Of(config).ToDictionary(tensor => tensor.Name, tensor => tensor.Shape.Aggregate(1L, (product, side) => product * side));
        (string Name, float[] Values) current = ("", []);
        return Load(config, StoragePlan.For(storage), pool, keysAndValues, (workers, hooks) => new WeightLoader(Read, workers, hooks: hooks));

        void Read(string name, long start, Span<float> values)
        {
            current = current.Name == name ? current : (name, parameters(name));
            if (current.Values.Length != sizes[name])
            {
                throw new MedixException(
                    $"Parameter {name} has {current.Values.Length} values, expected {sizes[name]}: the weights and the configuration are not of the same model.");
            }

            current.Values.AsSpan(checked((int)start), values.Length).CopyTo(values);
        }
    }

    /// <summary>Loads llama.cpp's files, experts without turning them round twice. They may be closed afterwards.</summary>
    public static Qwen3VLModel FromGguf(GgufModel gguf, StoragePlan plan, WorkerPool? pool = null, KeyValueStorage? keysAndValues = null)
    {
        ArgumentNullException.ThrowIfNull(gguf);
        ArgumentNullException.ThrowIfNull(plan);
        return Load(gguf.Config, plan, pool, keysAndValues, (threads, hooks) => new WeightLoader(gguf.ReadFloat32AsHeld, threads, gguf.Release, _ => true, hooks));
    }

    /// <summary>Builds a model from values that <paramref name="read"/> gives slice by slice, in the published layout, without ever holding a whole tensor of them.</summary>
    public static Qwen3VLModel FromReader(
        Qwen3VLConfig config, StoragePlan plan, WeightReader read, WorkerPool? pool = null, KeyValueStorage? keysAndValues = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(read);
        return Load(config, plan, pool, keysAndValues, (workers, hooks) => new WeightLoader(read, workers, hooks: hooks));
    }

    /// <summary>Replaces every weight, as a trainer does after each step; <paramref name="read"/> is called from the calling thread.</summary>
    public void UpdateWeights(WeightReader read)
    {
        ArgumentNullException.ThrowIfNull(read);
        if (mapped is not null)
        {
            throw new MedixException($"{mapped.Path}: a packed model's weights cannot be replaced, for they are a part of the file. Train from the checkpoint it was made of.");
        }

        Load(new WeightLoader(read, Pool));
    }

    /// <summary>
    /// Logits [P, VocabularySize] of every token of one input: row t predicts token t + 1.
    /// </summary>
    public float[] Logits(ModelInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        int vocabulary = Config.Text.VocabularySize;
        float[] logits = new float[checked(input.Tokens.Length * vocabulary)];
        Forward(input, (_, token, row) => row.CopyTo(logits.AsSpan(token * vocabulary)), null);
        return logits;
    }

    /// <summary>
    /// Makes an adapter ready for this model; it does nothing until it is used, and the caller disposes it after its last use.
    /// Throws <see cref="MedixException"/> where it is of another model.
    /// </summary>
    public ModelAdapter Prepare(LoraAdapter adapter)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        return new(adapter, places, Pool);
    }

    /// <summary>From now on the model answers with this adapter, unmerged; null takes it off. Not during a computation.</summary>
    public void Use(ModelAdapter? adapter)
    {
        Version++;
        foreach (WeightPlace place in places.Values.SelectMany(list => list))
        {
            place.Matrix.Change = adapter?.Changes.GetValueOrDefault(place.Matrix);
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Decoder.Dispose();
        prefill.Dispose();
        tower?.Dispose();
        text.Dispose();
        vision?.Dispose();
        mapped?.Dispose();
    }

    /// <summary>Everything about one input, with every intermediate value shown to <paramref name="observe"/>.</summary>
    internal void Forward(ModelInput input, LogitsSink sink, Observer? observe)
    {
        using PreparedPrompts prepared = Prepare([input], observe);
        try
        {
            prefill.Run(Whole(prepared), everyToken: true, sink, observe);
        }
        finally
        {
            prepared.Prompts[0].Sequence.Clear();
        }
    }

    /// <summary>Computes the prompts and gives the last token's logits of each; their keys and values stay until their sequences are cleared.</summary>
    internal void ComputePrompts(PreparedPrompts prepared, LogitsSink sink) => ComputePrompts(Whole(prepared), sink);

    /// <summary>Computes parts of prompts and gives the last token's logits of those that end with them.</summary>
    internal void ComputePrompts(IReadOnlyList<PromptRange> ranges, LogitsSink sink, bool everyToken = false) => prefill.Run(ranges, everyToken, sink);

    /// <summary>The features of one image, which the caller disposes. Those of several encoded together are the same, bit for bit.</summary>
    internal VisionFeatures EncodeImage(ReadOnlySpan<float> patches, ImageGrid grid) => tower!.Encode(patches, [grid]);

    private static Qwen3VLModel Load(
        Qwen3VLConfig config, StoragePlan plan, WorkerPool? pool, KeyValueStorage? keysAndValues, Func<WorkerPool, LoadHooks?, WeightLoader> loader)
    {
        Qwen3VLModel model = new(config, new NewModelMemory(plan), pool ?? WorkerPool.Shared, keysAndValues);
        try
        {
            model.Load(loader(model.Pool, null));
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private void Load(WeightLoader loader)
    {
        Version++;
        text.Load(loader);
        vision?.Load(loader);
        places = loader.Places;
    }

    /// <summary>Checks the inputs, finds their positions and encodes their images.</summary>
    internal PreparedPrompts Prepare(IReadOnlyList<ModelInput> inputs, Observer? observe)
    {
        foreach (ModelInput input in inputs)
        {
            Check(input);
        }

        ModelInput[] seen = [.. inputs.Where(input => input.Grids.Count > 0)];
        RopeIndex[] positions = [.. inputs.Select(input => RopePositions.Compute(input.Tokens, input.Grids, Config))];
        VisionFeatures? features = seen.Length == 0
            ? null
            : tower!.Encode(seen.SelectMany(input => input.Patches).ToArray(), [.. seen.SelectMany(input => input.Grids)], observe);
        Prompt[] prompts = new Prompt[inputs.Count];
        int first = 0;
        for (int i = 0; i < inputs.Count; i++)
        {
            bool sees = inputs[i].Grids.Count > 0;
            KvSequence sequence = new(Decoder.Pages, null, inputs[i].Tokens.Length);
            int rows = sees ? inputs[i].Tokens.Count(token => token == Config.ImageTokenId || token == Config.VideoTokenId) : 0;
            prompts[i] = new Prompt(inputs[i].Tokens, positions[i], sequence, sees ? [new FeatureRun(features, first, rows)] : []);
            first += rows;
        }

        return new PreparedPrompts(prompts, features);
    }

    private static PromptRange[] Whole(PreparedPrompts prepared) => [.. prepared.Prompts.Select(prompt => new PromptRange(prompt, 0, prompt.Tokens.Length))];

    /// <summary>Throws where an input does not fit the model.</summary>
    internal void Check(ModelInput input)
    {
        int bad = input.Tokens.AsSpan().IndexOfAnyExceptInRange(0, Config.Text.VocabularySize - 1);
        if (input.Tokens.Length == 0 || bad >= 0)
        {
            string fault = bad < 0 ? "no tokens" : string.Create(CultureInfo.InvariantCulture, $"token {input.Tokens[bad]} at {bad}");
            throw new MedixException($"A model input has {fault}; expected ids from 0 to {Config.Text.VocabularySize - 1}. Is the tokenizer this model's own?");
        }

        if (input.Grids.Count > 0 && Config.Vision is null)
        {
            throw new MedixException($"The input has {input.Grids.Count} images, but {Config.Architecture} reads text only. Use a Qwen3-VL checkpoint.");
        }

        long expected = input.Grids.Sum(grid => (long)grid.Patches) * (Config.Vision?.PatchLength ?? 0);
        if (input.Patches.Length != expected)
        {
            throw new MedixException($"A model input has {input.Patches.Length} patch values, but its image grids need {expected}.");
        }
    }
}

/// <summary>Prompts ready for the decoder and the image features they will read, which are freed on dispose.</summary>
internal sealed record PreparedPrompts(IReadOnlyList<Prompt> Prompts, VisionFeatures? Features) : IDisposable
{
    public void Dispose() => Features?.Dispose();
}
