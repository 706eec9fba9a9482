using System.Buffers;
using Medix.Runs;
using SkiaSharp;

namespace Medix.Imaging;

/// <summary>PNG, JPEG, WebP, GIF and BMP by Skia, without colour management: models were trained on the stored values.</summary>
internal sealed class SkiaDecoder : IImageDecoder
{
    public bool CanDecode(ReadOnlySpan<byte> bytes) =>
        bytes.StartsWith(PngChunks.Signature) || bytes.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF])
        || bytes.StartsWith("GIF87a"u8) || bytes.StartsWith("GIF89a"u8) || bytes.StartsWith("BM"u8)
        || (bytes.Length >= 12 && bytes.StartsWith("RIFF"u8) && bytes[8..12].SequenceEqual("WEBP"u8));

    public ImageSize ReadSize(ReadOnlyMemory<byte> bytes, string name)
    {
        using MemoryHandle pin = bytes.Pin();
        using SKCodec codec = Open(pin, bytes.Length, name);
        SKImageInfo info = codec.Info;
        return Orientation.SwapsSides(codec.EncodedOrigin) ? new ImageSize(info.Height, info.Width) : new ImageSize(info.Width, info.Height);
    }

    public RgbImage Decode(ReadOnlyMemory<byte> bytes, string name)
    {
        using MemoryHandle pin = bytes.Pin();
        using SKCodec codec = Open(pin, bytes.Length, name);
        SKImageInfo info = new(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        byte[] rgba = GC.AllocateUninitializedArray<byte>(info.BytesSize);
        Read(codec, info, rgba, name);
        return Orientation.Upright(new RgbImage(info.Width, info.Height, OverWhite(rgba)), codec.EncodedOrigin);
    }

    private static unsafe SKCodec Open(MemoryHandle pin, int length, string name)
    {
        using SKData data = SKData.Create((nint)pin.Pointer, length);
        SKCodec? codec = SKCodec.Create(data);
        if (codec is null || codec.Info.Width < 1 || codec.Info.Height < 1)
        {
            codec?.Dispose();
            throw new MedixException($"{name}: the picture's header is damaged or cut short. Fetch or export the picture again.");
        }

        return codec;
    }

    private static unsafe void Read(SKCodec codec, SKImageInfo info, byte[] rgba, string name)
    {
        SKCodecResult result;
        fixed (byte* pixels = rgba)
        {
            result = codec.GetPixels(info, (nint)pixels);
        }

        if (result != SKCodecResult.Success)
        {
            string what = result == SKCodecResult.IncompleteInput ? "is cut short" : $"cannot be decoded ({result})";
            throw new MedixException($"{name}: the picture {what}. Fetch or export the picture again.");
        }
    }

    private static byte[] OverWhite(ReadOnlySpan<byte> rgba)
    {
        byte[] rgb = GC.AllocateUninitializedArray<byte>(rgba.Length / 4 * 3);
        for (int from = 0, to = 0; from < rgba.Length; from += 4, to += 3)
        {
            int alpha = rgba[from + 3];
            if (alpha == 255)
            {
                rgb[to] = rgba[from];
                rgb[to + 1] = rgba[from + 1];
                rgb[to + 2] = rgba[from + 2];
            }
            else
            {
                rgb[to] = Blend(rgba[from], alpha);
                rgb[to + 1] = Blend(rgba[from + 1], alpha);
                rgb[to + 2] = Blend(rgba[from + 2], alpha);
            }
        }

        return rgb;
    }

    /// <summary>The value over white, rounded to nearest: (v·α + 255·(255 − α)) / 255.</summary>
    private static byte Blend(int value, int alpha)
    {
        int sum = (value * alpha) + (255 * (255 - alpha)) + 128;
        return (byte)((sum + (sum >> 8)) >> 8);
    }
}
