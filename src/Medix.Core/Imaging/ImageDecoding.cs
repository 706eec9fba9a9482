using Medix.Runs;

namespace Medix.Imaging;

/// <summary>The largest picture that is decoded: a small file can claim a size that no memory holds.</summary>
public sealed record ImageLimits(int MaxSide = 16384, long MaxPixels = 64_000_000);

/// <summary>
/// Decodes PNG, JPEG, WebP, GIF (its first frame) and BMP to upright 8-bit RGB: EXIF orientation applied, transparency laid over white,
/// 16-bit grey scaled from the picture's own range to 0…255, embedded colour profiles ignored.
/// A picture that is cut short or damaged is an error, never a partly grey picture.
/// </summary>
public static class ImageDecoding
{
    // Four bytes per pixel must fit one array, whatever the limits say.
    private const long MostPixels = 500_000_000;

    // The first that recognises the bytes decodes them.
    private static readonly IImageDecoder[] Decoders = [new Grey16PngDecoder(), new SkiaDecoder()];

    /// <summary>Decodes one picture. Throws <see cref="MedixException"/> naming <paramref name="name"/> when it is unknown, too large or damaged.</summary>
    public static RgbImage Decode(ReadOnlyMemory<byte> bytes, string name, ImageLimits limits)
    {
        IImageDecoder decoder = Find(bytes, name);
        ImageSize size = decoder.ReadSize(bytes, name);
        long most = Math.Min(limits.MaxPixels, MostPixels);
        if (size.Width > limits.MaxSide || size.Height > limits.MaxSide || (long)size.Width * size.Height > most)
        {
            throw new MedixException(
                $"{name}: the picture is {size.Width}x{size.Height} pixels; accepted are sides up to {limits.MaxSide} and up to {most} pixels in all. "
                + "Scale it down, or raise the limit.");
        }

        return decoder.Decode(bytes, name);
    }

    /// <summary>The upright size, from the header: nothing is decoded and no limit applies.</summary>
    public static ImageSize ReadSize(ReadOnlyMemory<byte> bytes, string name) => Find(bytes, name).ReadSize(bytes, name);

    private static IImageDecoder Find(ReadOnlyMemory<byte> bytes, string name)
    {
        foreach (IImageDecoder decoder in Decoders)
        {
            if (decoder.CanDecode(bytes.Span))
            {
                return decoder;
            }
        }

        string found = bytes.IsEmpty ? "it is empty" : $"it starts with the bytes {Convert.ToHexString(bytes.Span[..Math.Min(8, bytes.Length)])}";
        throw new MedixException($"{name}: the picture is none of PNG, JPEG, WebP, GIF and BMP ({found}). Convert it to one of these.");
    }
}
