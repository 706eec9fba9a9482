using System.Globalization;
using Medix.Imaging;
using Medix.Runs;

namespace Medix.Weights.Gguf.Import;

/// <summary>
/// How pictures are prepared for a GGUF model that sees. llama.cpp has keys for the limits of a picture's area, but its converter writes none for Qwen3-VL, so that
/// they are looked for in a <c>preprocessor_config.json</c> beside the files too.
/// </summary>
/// <param name="Options">The settings.</param>
/// <param name="Limits">Where the limits of the area come from.</param>
/// <param name="Source">The file that has them; of assumed ones the vision tower's, which has none.</param>
public sealed record GgufImages(ImageProcessorOptions Options, GgufImageLimits Limits, string Source)
{
    /// <summary>The image processor's settings in a model's folder.</summary>
    public const string FileName = "preprocessor_config.json";

    private const string MinPixels = "clip.vision.image_min_pixels", MaxPixels = "clip.vision.image_max_pixels";
    private const string Mean = "clip.vision.image_mean", Std = "clip.vision.image_std";

    /// <summary>The settings of a model; null where it has no vision tower.</summary>
    /// <exception cref="MedixException">The file beside it is another model's or broken, or a key is wrong.</exception>
    public static GgufImages? Of(GgufModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.Vision is not { } tower || model.Config.Vision is not { } vision)
        {
            return null;
        }

        string[] folders = [FolderOf(tower.Path), FolderOf(model.Text.Path)];
        if (Array.Find([.. folders.Select(folder => Path.Combine(folder, FileName))], File.Exists) is { } file)
        {
            return new GgufImages(Fitting(file, vision), GgufImageLimits.FileBeside, file);
        }

        GgufMetadata keys = tower.Metadata;
        ImageProcessorOptions published = ImageProcessorOptions.Qwen3VL();
        bool least = keys.Has(MinPixels), most = keys.Has(MaxPixels);
        ImageProcessorOptions options = new(
            vision.PatchSize, vision.TemporalPatchSize, vision.SpatialMergeSize, least ? keys.Number(MinPixels, 0) : published.MinPixels,
            most ? keys.Number(MaxPixels) : published.MaxPixels, Channels(keys, Mean), Channels(keys, Std));
        if (options.MinPixels > options.MaxPixels)
        {
            throw least ? keys.Wrong(MinPixels, $"at most the largest area, {options.MaxPixels}") : keys.Wrong(MaxPixels, $"at least the smallest area, {options.MinPixels}");
        }

        return options.Std.All(value => value > 0)
            ? new GgufImages(options, least || most ? GgufImageLimits.Keys : GgufImageLimits.Published, tower.Path)
            : throw keys.Wrong(Std, "three numbers above 0");
    }

    private static ImageProcessorOptions Fitting(string file, VisionConfig vision)
    {
        ImageProcessorOptions options = ImageProcessorOptions.Load(file);
        return (options.PatchSize, options.MergeSize, options.TemporalPatchSize) == (vision.PatchSize, vision.SpatialMergeSize, vision.TemporalPatchSize)
            ? options
            : throw new MedixException(
                $"{file}: patches of {options.PatchSize} pixels, {options.TemporalPatchSize} frames and merges of {options.MergeSize} are another model's; that beside it has "
                + $"{vision.PatchSize}, {vision.TemporalPatchSize} and {vision.SpatialMergeSize}. Put the model's own file there, or take this one away.");
    }

    /// <summary>A single-precision value as the double with the same shortest decimal form.</summary>
    private static double[] Channels(GgufMetadata keys, string key) => keys.Floats(key) is { Length: 3 } values && values.All(float.IsFinite)
        ? [.. values.Select(value => double.Parse(value.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture))]
        : throw keys.Wrong(key, "three finite numbers");

    private static string FolderOf(string path) => Path.GetDirectoryName(Path.GetFullPath(path))!;
}

/// <summary>Where the limits of a picture's area come from.</summary>
public enum GgufImageLimits
{
    /// <summary>No file names any: those of the published models are assumed.</summary>
    Published,

    /// <summary>Two keys in the vision tower's file.</summary>
    Keys,

    /// <summary>A <c>preprocessor_config.json</c> in the folder of the GGUF files.</summary>
    FileBeside,
}
