using Medix.Imaging;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Text;
using Medix.Weights;
using Medix.Weights.Gguf.Import;

namespace Medix.Inference.Packed;

/// <summary>What a model's files are.</summary>
public enum ModelFileKind
{
    /// <summary>A checkpoint in Hugging Face layout.</summary>
    Checkpoint,

    /// <summary>A packed model.</summary>
    Packed,

    /// <summary>Files of llama.cpp.</summary>
    Gguf,
}

/// <summary>A model ready to answer, with what belongs to it: <paramref name="Tokenizer"/> and <paramref name="Prompts"/> are null where the folder has no tokenizer.</summary>
public sealed record LoadedModel(
    string Folder, ModelFileKind Kind, Qwen3VLModel Model, Tokenizer? Tokenizer, ImageProcessorOptions Images, PromptBuilder? Prompts) : IDisposable
{
    /// <summary>The tokenizer.</summary>
    /// <exception cref="MedixException">There is none.</exception>
    public Tokenizer RequireTokenizer() => Tokenizer ?? throw NoTokenizer();

    /// <summary>What writes conversations as this model reads them.</summary>
    /// <exception cref="MedixException">There is no tokenizer.</exception>
    public PromptBuilder RequirePrompts() => Prompts ?? throw NoTokenizer();

    /// <inheritdoc />
    public void Dispose() => Model.Dispose();

    private MedixException NoTokenizer() =>
        new($"{Folder}: there is no tokenizer.json, nor vocab.json and merges.txt, so that no text can be read or written. Copy the model's tokenizer files there.");
}

/// <summary>Opens a model whatever its files are.</summary>
public static class ModelFolder
{
    private const string Preprocessor = "preprocessor_config.json";
    private const string GgufExtension = ".gguf";

    /// <summary>
    /// Opens a packed model (a <c>.medix</c> file, or a folder with one), a checkpoint in Hugging Face layout, or llama.cpp's <c>.gguf</c> file with the <c>mmproj</c>
    /// file that lies beside it, if one does; how large its pictures may be is read from a <c>preprocessor_config.json</c> there (<see cref="GgufImages"/>).
    /// </summary>
    /// <param name="path">The folder or file.</param>
    /// <param name="storage">How a checkpoint's matrices are stored, null for bfloat16; a packed model's are stored already, and another wish is refused.</param>
    /// <param name="pool">The threads that compute, null for <see cref="WorkerPool.Shared"/>.</param>
    /// <param name="keysAndValues">How the keys and values of computed tokens are kept, null for what suits the weights (<see cref="StoragePlan.KeysAndValues"/>).</param>
    /// <exception cref="MedixException">There is no model, a file of it cannot be used, or a packed one is stored otherwise.</exception>
    public static LoadedModel Open(
        string path, WeightStorage? storage = null, WorkerPool? pool = null, KeyValueStorage? keysAndValues = null)
    {
        RequireExists(path);
        string folder = FolderOf(path);
        if (IsGguf(path))
        {
            return OpenGguf(path, folder, StoragePlan.For(storage ?? WeightStorage.Bf16), pool, keysAndValues);
        }

        // A large vocabulary takes longer to read than a packed model does to open: both at once.
        Task<Tokenizer?> tokenizer = Task.Run(() => HasTokenizer(folder) ? Tokenizer.Load(folder) : null);
        Qwen3VLModel model = OpenWeights(path, storage, pool, keysAndValues);
        return WithCompanions(folder, PackedFile.IsAt(path) ? ModelFileKind.Packed : ModelFileKind.Checkpoint, model, tokenizer);
    }

    /// <summary>The same without tokenizer and image processor, for work that meets no text.</summary>
    /// <inheritdoc cref="Open"/>
    public static Qwen3VLModel OpenModel(
        string path, WeightStorage? storage = null, WorkerPool? pool = null, KeyValueStorage? keysAndValues = null)
    {
        RequireExists(path);
        return IsGguf(path) ? Open(path, storage, pool, keysAndValues).Model : OpenWeights(path, storage, pool, keysAndValues);
    }

    /// <summary>A model's shape, from the headers of its files alone.</summary>
    /// <exception cref="MedixException">There is no model, or a file of it cannot be used.</exception>
    public static Qwen3VLConfig ShapeOf(string path)
    {
        RequireExists(path);
        if (IsGguf(path))
        {
            using GgufModel gguf = Gguf(path, FolderOf(path));
            return gguf.Config;
        }

        if (PackedFile.IsAt(path))
        {
            using PackedFile file = PackedFile.Open(path);
            return file.Config;
        }

        using Checkpoint checkpoint = Checkpoint.Open(path);
        return checkpoint.Config;
    }

    /// <summary>The image processor's settings in a model's folder; the published models' where a model without a vision tower has none.</summary>
    /// <exception cref="MedixException">The model sees, and the file is missing or wrong.</exception>
    public static ImageProcessorOptions ImagesOf(string folder, Qwen3VLConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        string file = Path.Combine(folder, Preprocessor);
        return config.Vision is null && !File.Exists(file) ? ImageProcessorOptions.Qwen3VL() : ImageProcessorOptions.Load(file);
    }

    private static void RequireExists(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!Path.Exists(path))
        {
            throw new MedixException($"There is no file or folder '{path}'. Name a model's folder, or a {PackedFile.Extension} or {GgufExtension} file.");
        }
    }

    private static string FolderOf(string path) => Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;

    private static bool IsGguf(string path) => path.EndsWith(GgufExtension, StringComparison.OrdinalIgnoreCase) && File.Exists(path);

    private static Qwen3VLModel OpenWeights(string path, WeightStorage? storage, WorkerPool? pool, KeyValueStorage? keysAndValues)
    {
        if (!PackedFile.IsAt(path))
        {
            using Checkpoint checkpoint = Checkpoint.Open(path);
            return Qwen3VLModel.FromCheckpoint(checkpoint, storage ?? WeightStorage.Bf16, pool, keysAndValues);
        }

        Qwen3VLModel packed = Qwen3VLModel.FromPacked(path, pool, keysAndValues);
        if (storage is { } wanted && (StoragePlan.For(wanted) with { Exceptions = packed.Plan.Exceptions }) != packed.Plan)
        {
            WeightStorage stored = packed.Plan.GateUp;
            packed.Dispose();
            throw new MedixException(
                $"{path}: the packed model's MLPs are stored as {stored}, not as {wanted} was asked for. Leave the storage out, or quantise the original anew.");
        }

        return packed;
    }

    private static LoadedModel OpenGguf(string path, string folder, StoragePlan plan, WorkerPool? pool, KeyValueStorage? keysAndValues)
    {
        using GgufModel gguf = Gguf(path, folder);
        Tokenizer tokenizer = gguf.Tokenizer;
        ImageProcessorOptions images = GgufImages.Of(gguf)?.Options ?? ImageProcessorOptions.Qwen3VL();
        PromptBuilder prompts = new(tokenizer, new ImageProcessor(images), gguf.Config);
        return new LoadedModel(folder, ModelFileKind.Gguf, Qwen3VLModel.FromGguf(gguf, plan, pool, keysAndValues), tokenizer, images, prompts);
    }

    private static GgufModel Gguf(string path, string folder)
    {
        string[] vision = Directory.GetFiles(folder, "mmproj*" + GgufExtension);
        if (vision.Length > 1)
        {
            throw new MedixException(
                $"{folder}: there are {vision.Length} mmproj files ({string.Join(", ", vision.Select(Path.GetFileName).Order())}), expected at most one beside the model. "
                + "Put the model and its own into a folder of their own.");
        }

        return GgufModel.Open(path, vision.FirstOrDefault());
    }

    private static LoadedModel WithCompanions(string folder, ModelFileKind kind, Qwen3VLModel model, Task<Tokenizer?> reading)
    {
        try
        {
            Tokenizer? tokenizer = reading.GetAwaiter().GetResult();
            bool blind = model.Config.Vision is null || !File.Exists(Path.Combine(folder, Preprocessor));
            // Without a tokenizer nothing can be asked of the model, so that a missing image processor is no fault either.
            ImageProcessorOptions images = blind && tokenizer is null ? ImageProcessorOptions.Qwen3VL() : ImagesOf(folder, model.Config);
            PromptBuilder? prompts = tokenizer is null ? null : new PromptBuilder(tokenizer, new ImageProcessor(images), model.Config);
            return new LoadedModel(folder, kind, model, tokenizer, images, prompts);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static bool HasTokenizer(string folder) => File.Exists(Path.Combine(folder, "tokenizer.json")) || File.Exists(Path.Combine(folder, "vocab.json"));
}
