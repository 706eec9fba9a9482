using Medix.Imaging;
using Medix.Runs;

namespace Medix.Data;

/// <summary>The two ways to look at pictures while a dataset is loaded.</summary>
public static class ImageChecks
{
    /// <summary>Decodes each distinct picture once, so that a damaged one becomes a skipped row before training starts. About 10 ms a megapixel.</summary>
    public static ImageCheck Decode(ImageLimits limits) => image => ImageDecoding.Decode(image.Bytes, image.Name, limits);

    /// <summary>Reads only the header: format and size. For datasets so large that decoding them at the door takes too long.</summary>
    public static ImageCheck Header(ImageLimits limits) => image =>
    {
        ImageSize size = ImageDecoding.ReadSize(image.Bytes, image.Name);
        if (size.Width > limits.MaxSide || size.Height > limits.MaxSide || (long)size.Width * size.Height > limits.MaxPixels)
        {
            throw new MedixException(
                $"{image.Name}: the picture is {size.Width}x{size.Height} pixels; accepted are sides up to {limits.MaxSide} "
                + $"and {limits.MaxPixels} pixels in all. Scale it down, or raise the limit.");
        }
    };
}
