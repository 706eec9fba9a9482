using System.Runtime.InteropServices;
using Medix.Data;
using Medix.Imaging;
using Medix.Runs;
using SkiaSharp;

namespace Medix.Evaluation.Reports.Page;

/// <summary>A picture small enough for a page: a <c>data:</c> address and its size, or the reason why there is none.</summary>
internal sealed record Thumbnail(string? DataUri, int Width, int Height, string Fault)
{
    /// <summary>The longer side in pixels, at most.</summary>
    public const int MaxSide = 512;

    // Drawn pictures stay sharp as PNG; photographs would be far larger that way.
    private const int LargestPng = 60_000;
    private const int JpegQuality = 85;

    /// <summary>Decodes and scales down. A picture that cannot be read is said to be so: a report must not fail over it.</summary>
    public static Thumbnail Of(ImageSource source)
    {
        try
        {
            return Encode(ImageDecoding.Decode(source.Bytes, source.Name, new ImageLimits()));
        }
        catch (MedixException fault)
        {
            return new Thumbnail(null, 0, 0, fault.Message);
        }
    }

    private static Thumbnail Encode(RgbImage image)
    {
        using SKBitmap whole = new(new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        Marshal.Copy(WithAlpha(image.Pixels), 0, whole.GetPixels(), whole.ByteCount);
        double scale = Math.Min(1, MaxSide / (double)Math.Max(image.Width, image.Height));
        SKImageInfo size = whole.Info.WithSize(Math.Max(1, (int)Math.Round(image.Width * scale)), Math.Max(1, (int)Math.Round(image.Height * scale)));
        using SKBitmap small = scale < 1 ? whole.Resize(size, new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear)) : whole.Copy();
        using SKData png = small.Encode(SKEncodedImageFormat.Png, 100);
        if (png.Size <= LargestPng)
        {
            return Of("image/png", png, small);
        }

        using SKData jpeg = small.Encode(SKEncodedImageFormat.Jpeg, JpegQuality);
        return Of("image/jpeg", jpeg, small);
    }

    private static Thumbnail Of(string type, SKData data, SKBitmap size) =>
        new($"data:{type};base64,{Convert.ToBase64String(data.AsSpan())}", size.Width, size.Height, "");

    private static byte[] WithAlpha(ReadOnlySpan<byte> rgb)
    {
        byte[] rgba = new byte[rgb.Length / 3 * 4];
        for (int from = 0, to = 0; from < rgb.Length; from += 3, to += 4)
        {
            rgb.Slice(from, 3).CopyTo(rgba.AsSpan(to));
            rgba[to + 3] = 255;
        }

        return rgba;
    }
}
