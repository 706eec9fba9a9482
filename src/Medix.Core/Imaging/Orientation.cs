using SkiaSharp;

namespace Medix.Imaging;

/// <summary>Turns a picture upright after its EXIF orientation.</summary>
internal static class Orientation
{
    public static bool SwapsSides(SKEncodedOrigin origin) => origin >= SKEncodedOrigin.LeftTop;

    public static RgbImage Upright(RgbImage stored, SKEncodedOrigin origin)
    {
        int w = stored.Width, h = stored.Height;

        // The stored pixel of the upright (x, y) is first + x·right + y·down: two mirrorings and a transposition.
        (int first, int right, int down) = origin switch
        {
            SKEncodedOrigin.TopRight => (w - 1, -1, w),
            SKEncodedOrigin.BottomRight => ((w * h) - 1, -1, -w),
            SKEncodedOrigin.BottomLeft => (w * (h - 1), 1, -w),
            SKEncodedOrigin.LeftTop => (0, w, 1),
            SKEncodedOrigin.RightTop => (w * (h - 1), -w, 1),
            SKEncodedOrigin.RightBottom => ((w * h) - 1, -w, -1),
            SKEncodedOrigin.LeftBottom => (w - 1, w, -1),
            _ => (0, 1, w),
        };
        if (first == 0 && right == 1)
        {
            return stored;
        }

        (int width, int height) = SwapsSides(origin) ? (h, w) : (w, h);
        byte[] upright = new byte[stored.Pixels.Length];
        for (int y = 0, to = 0; y < height; y++)
        {
            int from = first + (y * down);
            for (int x = 0; x < width; x++, from += right, to += 3)
            {
                stored.Pixels.AsSpan(from * 3, 3).CopyTo(upright.AsSpan(to, 3));
            }
        }

        return new RgbImage(width, height, upright);
    }
}
