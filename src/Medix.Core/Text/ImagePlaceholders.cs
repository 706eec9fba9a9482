using Medix.Imaging;
using Medix.Runs;
using Medix.Weights;

namespace Medix.Text;

/// <summary>The places of images in a prompt: one placeholder each when written, one per merged image token when the model reads it.</summary>
public static class ImagePlaceholders
{
    /// <summary>Tokens an image takes: its patches over the square of the merge size.</summary>
    public static int TokensOf(ImageGrid grid, VisionConfig vision)
    {
        ArgumentNullException.ThrowIfNull(vision);
        return grid.Patches / (vision.SpatialMergeSize * vision.SpatialMergeSize);
    }

    /// <summary>Repeats the k-th placeholder as often as the k-th grid has merged tokens.</summary>
    /// <exception cref="MedixException">The number of placeholders is not the number of images, or the model reads no images.</exception>
    public static int[] Expand(ReadOnlySpan<int> tokens, IReadOnlyList<ImageGrid> grids, Qwen3VLConfig config)
    {
        ArgumentNullException.ThrowIfNull(grids);
        ArgumentNullException.ThrowIfNull(config);
        int places = config.Vision is null ? 0 : tokens.Count(config.ImageTokenId);
        if (places != grids.Count)
        {
            throw new MedixException(config.Vision is null
                ? $"The sample has {grids.Count} images, but {config.Architecture} reads text only. Use a Qwen3-VL model."
                : $"The conversation has places for {places} images, but {grids.Count} images were given. Give one image per place, in order.");
        }

        List<int> expanded = new(tokens.Length);
        int image = 0;
        foreach (int token in tokens)
        {
            int copies = places > 0 && token == config.ImageTokenId ? TokensOf(grids[image++], config.Vision!) : 1;
            expanded.AddRange(Enumerable.Repeat(token, copies));
        }

        return [.. expanded];
    }
}
