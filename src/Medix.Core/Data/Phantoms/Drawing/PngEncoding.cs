using Medix.Imaging;
using SkiaSharp;

namespace Medix.Data.Phantoms;

/// <summary>PNG files of phantoms.</summary>
internal static class PngEncoding
{
    private static readonly SKPngEncoderOptions Fast = new(SKPngEncoderFilterFlags.Sub, zLibLevel: 1);

    /// <summary>Encodes losslessly; quick rather than small.</summary>
    public static byte[] Encode(RgbImage image)
    {
        using SKBitmap bitmap = new(new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        Span<byte> target = bitmap.GetPixelSpan();
        ReadOnlySpan<byte> source = image.Pixels;
        for (int i = 0, j = 0; i + 2 < source.Length; i += 3, j += 4)
        {
            (target[j], target[j + 1], target[j + 2], target[j + 3]) = (source[i], source[i + 1], source[i + 2], 255);
        }

        using SKPixmap pixels = bitmap.PeekPixels();
        using SKData data = pixels.Encode(Fast) ?? throw new InvalidOperationException($"A {image.Width}x{image.Height} picture could not be encoded as PNG.");
        return data.ToArray();
    }
}
