using System.Text.Json;
using System.Text.Json.Nodes;
using Medix.Clients.Hub;
using Medix.Imaging;
using Medix.Runs;
using Medix.Runs.Recipes;
using Medix.Text;
using Medix.Training.Nano;
using Medix.Training.Qwen3VL;
using Medix.Weights;

namespace Medix.Training;

/// <summary>
/// The folder a run starts from: a checkpoint in Hugging Face layout (config, weights, tokenizer, image processor), the nano model shipped with Medix,
/// or a new model made in the run folder.
/// </summary>
public sealed record ModelSource(string Folder, Tokenizer Tokenizer, ImageProcessorOptions Images)
{
    private const string Nano = "nano";

    private static readonly string[] ControlTokens =
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"];

    /// <summary>Opens the recipe's model.</summary>
    /// <exception cref="MedixException">A file of the model is missing or wrong.</exception>
    public static ModelSource Open(ModelRecipe recipe, DataRecipe data)
    {
        string folder = recipe.Path == Nano ? Path.Combine(AppContext.BaseDirectory, "models", Nano)
            : Directory.Exists(recipe.Path) ? recipe.Path
            : HubCache.TryFindSnapshot(recipe.Path) ?? recipe.Path;
        return Directory.Exists(folder)
            ? OpenFolder(folder, data)
            : throw new MedixException($"model.path: there is no folder {folder}. Give a folder in Hugging Face layout, a repository fetched by `medix pull`, "
                + $"or \"nano\" for the model shipped with Medix.");
    }

    /// <summary>Makes a new model with random weights and a tokenizer trained on <paramref name="texts"/>, as a folder.</summary>
    public static ModelSource Create(NewModelRecipe shape, ulong seed, IEnumerable<string> texts, string folder, DataRecipe data)
    {
        Tokenizer tokenizer = BpeTrainer.Train([.. NanoCorpus.Words(), .. texts], shape.Vocabulary, [.. ControlTokens.Select(t => new AddedToken(t))]);
        tokenizer.Save(folder);
        AtomicFile.WriteAllText(Path.Combine(folder, "preprocessor_config.json"), Preprocessor(shape));
        using Qwen3VLForTraining model = Qwen3VLForTraining.Create(ConfigOf(shape, tokenizer), seed);
        model.Save(folder);
        return OpenFolder(folder, data);
    }

    /// <summary>Copies what belongs beside the weights: tokenizer, image processor, generation settings.</summary>
    public void CopyCompanions(string target) => ModelSideFiles.Copy(Folder, target);

    private static ModelSource OpenFolder(string folder, DataRecipe data)
    {
        ImageProcessorOptions images = ImageProcessorOptions.Load(Path.Combine(folder, "preprocessor_config.json"));
        if (data.MaxImagePixels is { } limit)
        {
            images = images with { MaxPixels = limit, MinPixels = Math.Min(images.MinPixels, limit / 2) };
        }

        return new ModelSource(folder, Tokenizer.Load(folder), images);
    }

    private static Qwen3VLConfig ConfigOf(NewModelRecipe shape, Tokenizer tokenizer)
    {
        int Id(string token) => tokenizer.TryGetId(token, out int id) ? id : throw new InvalidOperationException($"The new tokenizer lacks {token}.");
        int pairs = shape.HeadDim / 2;
        int[] sections = [pairs - (2 * (pairs * 5 / 16)), pairs * 5 / 16, pairs * 5 / 16]; // the published models' 24, 20, 20 of 64
        int depth = shape.VisionDepth;
        return new Qwen3VLConfig(
            "Qwen3VLForConditionalGeneration",
            new TextConfig(
                shape.Vocabulary, shape.Hidden, shape.Layers, shape.Heads, shape.KeyValueHeads, shape.HeadDim, shape.Intermediate,
                RmsNormEpsilon: 1e-6, RopeTheta: 5_000_000, sections, MaxPositions: 4096, TieWordEmbeddings: true),
            new VisionConfig(
                depth, shape.VisionHidden, shape.VisionHeads, 4 * shape.VisionHidden, shape.Hidden, PatchSize: 16, TemporalPatchSize: 2, SpatialMergeSize: 2,
                InChannels: 3, PositionEmbeddings: 256, [0, depth / 2]),
            Id("<|image_pad|>"), Id("<|video_pad|>"), Id("<|vision_start|>"), Id("<|vision_end|>"), [Id("<|im_end|>"), Id("<|endoftext|>")]);
    }

    private static string Preprocessor(NewModelRecipe shape) => new JsonObject
    {
        ["image_processor_type"] = "Qwen2VLImageProcessorFast",
        ["size"] = new JsonObject { ["longest_edge"] = shape.ImagePixels, ["shortest_edge"] = shape.ImagePixels / 2 },
        ["patch_size"] = 16,
        ["temporal_patch_size"] = 2,
        ["merge_size"] = 2,
        ["image_mean"] = new JsonArray(0.5, 0.5, 0.5),
        ["image_std"] = new JsonArray(0.5, 0.5, 0.5),
    }.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n";
}
