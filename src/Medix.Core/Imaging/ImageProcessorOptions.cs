using Medix.Runs;
using Medix.Weights;

namespace Medix.Imaging;

/// <summary>
/// The settings of a model's <c>preprocessor_config.json</c>. Limits are areas in pixels (the file calls them edges);
/// <paramref name="Mean"/> and <paramref name="Std"/> have one value per channel, for values scaled to 0…1.
/// </summary>
public sealed record ImageProcessorOptions(
    int PatchSize, int TemporalPatchSize, int MergeSize, long MinPixels, long MaxPixels, double[] Mean, double[] Std)
{
    /// <summary>The sides' unit in pixels: patch·merge.</summary>
    public int Factor => checked(PatchSize * MergeSize);

    /// <summary>Qwen3-VL's published settings with own area limits: patch 16, two frames, merge 2, mean and standard deviation 0.5.</summary>
    public static ImageProcessorOptions Qwen3VL(long minPixels = 65536, long maxPixels = 16777216) =>
        new(16, 2, 2, minPixels, maxPixels, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]);

    /// <summary>
    /// Reads the file; limits are <c>size.shortest_edge</c> and <c>size.longest_edge</c>, or <c>min_pixels</c> and <c>max_pixels</c> in older files.
    /// Throws <see cref="MedixException"/> for a missing or wrong field and for a step that is switched off or not implemented.
    /// </summary>
    public static ImageProcessorOptions Load(string path)
    {
        JsonFields file = JsonFields.Load(path);
        RequireSteps(file);
        JsonFields? size = file.OptionalObject("size");
        bool edges = size?.Has("shortest_edge") == true;
        ImageProcessorOptions options = new(
            file.Int("patch_size", 1, 1024), file.Int("temporal_patch_size", 1, 64), file.Int("merge_size", 1, 64),
            edges ? size!.Long("shortest_edge") : file.Long("min_pixels"),
            edges ? size!.Long("longest_edge", 1) : file.Long("max_pixels", 1),
            file.Doubles("image_mean"), file.Doubles("image_std"));
        if (options.Mean.Length != 3)
        {
            throw file.Wrong("image_mean", "three numbers");
        }

        if (options.Std.Length != 3 || options.Std.Any(value => value <= 0))
        {
            throw file.Wrong("image_std", "three numbers above 0");
        }

        return options.MinPixels <= options.MaxPixels ? options : throw file.Wrong(edges ? "size" : "min_pixels", "a smallest area of at most the largest");
    }

    private static void RequireSteps(JsonFields file)
    {
        foreach (string step in (string[])["do_resize", "do_rescale", "do_normalize", "do_convert_rgb"])
        {
            if (!file.Bool(step, true))
            {
                throw file.Wrong(step, "true, as in the published files");
            }
        }

        if (file.Has("resample") && file.Int("resample", 0) != 3)
        {
            throw file.Wrong("resample", "3 (bicubic), the only one implemented");
        }

        if (file.Has("rescale_factor") && Math.Abs((file.Positive("rescale_factor") * 255) - 1) > 1e-9)
        {
            throw file.Wrong("rescale_factor", "1/255, the only one implemented");
        }
    }
}
