using Medix.Imaging;
using Medix.Runs;

namespace Medix.Training.Rollouts;

/// <summary>Small changes of a picture that keep its meaning: up to 8 % shift, 10 % scale, contrast and brightness. Sides are never swapped.</summary>
public static class Augmentation
{
    private const double MaxShift = 0.08;
    private const double MaxScale = 0.10;

    /// <summary>A changed copy; pixels from outside the picture repeat its border.</summary>
    public static RgbImage Apply(RgbImage image, SeededRandom random)
    {
        double scale = 1 + random.NextDouble(-MaxScale, MaxScale);
        double dx = random.NextDouble(-MaxShift, MaxShift) * image.Width;
        double dy = random.NextDouble(-MaxShift, MaxShift) * image.Height;
        float contrast = (float)random.NextDouble(0.85, 1.15);
        float brightness = (float)random.NextDouble(-16, 16);
        byte[] pixels = new byte[image.Pixels.Length];
        for (int y = 0; y < image.Height; y++)
        {
            double sourceY = ((y - (image.Height / 2.0)) * scale) + (image.Height / 2.0) + dy;
            for (int x = 0; x < image.Width; x++)
            {
                double sourceX = ((x - (image.Width / 2.0)) * scale) + (image.Width / 2.0) + dx;
                Bilinear(image, sourceX, sourceY, pixels.AsSpan(((y * image.Width) + x) * 3, 3), contrast, brightness);
            }
        }

        return new RgbImage(image.Width, image.Height, pixels);
    }

    private static void Bilinear(RgbImage image, double x, double y, Span<byte> target, float contrast, float brightness)
    {
        x = Math.Clamp(x, 0, image.Width - 1);
        y = Math.Clamp(y, 0, image.Height - 1);
        int x0 = (int)x, y0 = (int)y;
        int x1 = Math.Min(x0 + 1, image.Width - 1), y1 = Math.Min(y0 + 1, image.Height - 1);
        float fx = (float)(x - x0), fy = (float)(y - y0);
        ReadOnlySpan<byte> p = image.Pixels;
        for (int c = 0; c < 3; c++)
        {
            float top = (p[(((y0 * image.Width) + x0) * 3) + c] * (1 - fx)) + (p[(((y0 * image.Width) + x1) * 3) + c] * fx);
            float bottom = (p[(((y1 * image.Width) + x0) * 3) + c] * (1 - fx)) + (p[(((y1 * image.Width) + x1) * 3) + c] * fx);
            float value = (top * (1 - fy)) + (bottom * fy);
            target[c] = (byte)Math.Clamp(((value - 128) * contrast) + 128 + brightness + 0.5f, 0, 255);
        }
    }
}
