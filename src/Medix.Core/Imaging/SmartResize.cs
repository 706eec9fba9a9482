using Medix.Runs;

namespace Medix.Imaging;

/// <summary>
/// The size that Qwen-VL processors resize a picture to: sides are multiples of a factor, the area lies within limits, the aspect ratio
/// is kept as well as that allows (Qwen2-VL, arXiv 2409.12191; published image processors).
/// </summary>
public static class SmartResize
{
    /// <summary>The largest aspect ratio that is accepted.</summary>
    public const double MaxAspectRatio = 200;

    /// <summary>
    /// The resized size for a picture. <paramref name="factor"/> is patch·merge in pixels; limits are areas in pixels. A side of the result
    /// can be 0 only when <paramref name="minPixels"/> is 0. Throws <see cref="MedixException"/> for an empty picture and a ratio above 200.
    /// </summary>
    public static ImageSize Compute(int width, int height, int factor, long minPixels, long maxPixels)
    {
        if (width < 1 || height < 1)
        {
            throw new MedixException($"A picture of {width}x{height} pixels has no content. Remove it or replace it.");
        }

        double ratio = Math.Max(width, height) / (double)Math.Min(width, height);
        if (ratio > MaxAspectRatio)
        {
            throw new MedixException($"A picture of {width}x{height} pixels has the aspect ratio {ratio:0.##}; at most {MaxAspectRatio} is accepted. Crop it.");
        }

        // Half to even, as the reference rounds.
        double w = Math.Round(width / (double)factor) * factor;
        double h = Math.Round(height / (double)factor) * factor;
        double area = (double)width * height;
        if (w * h > maxPixels)
        {
            double shrink = Math.Sqrt(area / maxPixels);
            w = Math.Max(factor, Math.Floor(width / shrink / factor) * factor);
            h = Math.Max(factor, Math.Floor(height / shrink / factor) * factor);
        }
        else if (w * h < minPixels)
        {
            double grow = Math.Sqrt(minPixels / area);
            w = Math.Ceiling(width * grow / factor) * factor;
            h = Math.Ceiling(height * grow / factor) * factor;
        }

        return new ImageSize(checked((int)w), checked((int)h));
    }
}
