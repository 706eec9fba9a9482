using System.Buffers.Binary;
using CsCheck;
using Medix.Imaging;
using Medix.Runs;
using SkiaSharp;

namespace Medix.Core.Tests.Imaging;

/// <summary>Formats, orientation, transparency, 16-bit grey, and every way a picture can be wrong.</summary>
public sealed class ImageDecodingTests
{
    private static readonly ImageLimits Limits = new();

    [Theory]
    [InlineData(SKEncodedImageFormat.Png)]
    [InlineData(SKEncodedImageFormat.Jpeg)]
    [InlineData(SKEncodedImageFormat.Webp)]
    public void Formats_decode_to_their_pixels(SKEncodedImageFormat format)
    {
        RgbImage picture = ImageDecoding.Decode(Encode(format), "picture", Limits);
        Assert.Equal((40, 24), (picture.Width, picture.Height));
        for (int i = 0; i < picture.Pixels.Length; i++)
        {
            Assert.InRange(picture.Pixels[i], Gradient(i / 3 % 40, i / 3 / 40, i % 3) - 12, Gradient(i / 3 % 40, i / 3 / 40, i % 3) + 12);
        }
    }

    [Fact]
    public void Bmp_and_gif_decode_and_a_cut_gif_does_not()
    {
        byte[] bmp = new byte[54 + 8];
        "BM"u8.CopyTo(bmp);
        foreach ((int at, int value) in (ReadOnlySpan<(int, int)>)[(2, 62), (10, 54), (14, 40), (18, 2), (22, 1), (26, 1 | (24 << 16)), (34, 8)])
        {
            BinaryPrimitives.WriteInt32LittleEndian(bmp.AsSpan(at), value);
        }

        ((byte[])[30, 20, 10, 60, 50, 40]).CopyTo(bmp, 54);
        Assert.Equal(new byte[] { 10, 20, 30, 40, 50, 60 }, ImageDecoding.Decode(bmp, "bmp", Limits).Pixels);

        // Two pixels of a palette of two colours; LZW codes clear, 0, 1, end of three bits each.
        byte[] gif = [.. "GIF89a"u8, 2, 0, 1, 0, 0x80, 0, 0, 1, 2, 3, 200, 201, 202, 0x2C, 0, 0, 0, 0, 2, 0, 1, 0, 0, 2, 2, 0x44, 0x0A, 0, 0x3B];
        Assert.Equal(new byte[] { 1, 2, 3, 200, 201, 202 }, ImageDecoding.Decode(gif, "gif", Limits).Pixels);
        Assert.Throws<MedixException>(() => ImageDecoding.Decode(gif.AsMemory(0, gif.Length - 5), "gif", Limits));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void Every_exif_orientation_is_turned_upright(int orientation)
    {
        RgbImage stored = ImageDecoding.Decode(Encode(SKEncodedImageFormat.Jpeg), "stored", Limits);
        byte[] turned = WithOrientation(Encode(SKEncodedImageFormat.Jpeg), orientation);
        RgbImage upright = ImageDecoding.Decode(turned, "turned", Limits);
        Assert.Equal(orientation > 4 ? (24, 40) : (40, 24), (upright.Width, upright.Height));
        Assert.Equal(new ImageSize(upright.Width, upright.Height), ImageDecoding.ReadSize(turned, "turned"));
        for (int y = 0; y < stored.Height; y++)
        {
            for (int x = 0; x < stored.Width; x++)
            {
                // Where the stored pixel belongs, written out from the standard's table.
                (int ux, int uy) = orientation switch
                {
                    1 => (x, y), 2 => (39 - x, y), 3 => (39 - x, 23 - y), 4 => (x, 23 - y),
                    5 => (y, x), 6 => (23 - y, x), 7 => (23 - y, 39 - x), _ => (y, 39 - x),
                };
                int from = ((y * 40) + x) * 3, to = ((uy * upright.Width) + ux) * 3;
                Assert.True(stored.Pixels.AsSpan(from, 3).SequenceEqual(upright.Pixels.AsSpan(to, 3)), $"{x},{y}");
            }
        }
    }

    [Fact]
    public void Transparency_is_laid_over_white()
    {
        byte[] png = Pngs.Encode(256, 3, 8, 6, 4, (x, y, c) => c == 3 ? x : y * 100);
        RgbImage picture = ImageDecoding.Decode(png, "alpha", Limits);
        for (int i = 0; i < picture.Pixels.Length; i++)
        {
            int alpha = i / 3 % 256, value = i / 3 / 256 * 100;
            Assert.Equal((int)Math.Round(((value * alpha) + (255 * (255 - alpha))) / 255.0), picture.Pixels[i]);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Grey_of_16_bits_keeps_its_own_range(bool interlaced) => Gen.Select(Gen.Int[1, 21], Gen.Int[1, 21], Gen.Int[0, 30000], Gen.Int[1, 35000]).Sample(
        (width, height, low, range) =>
        {
            // Noise: on a ramp several of the filters predict alike.
            SeededRandom random = Seed.Random((ulong)low, (ulong)range);
            int[] values = [.. Enumerable.Range(0, width * height).Select(_ => random.NextInt(low, low + range + 1))];
            int least = values.Min(), most = values.Max();
            byte[] png = Pngs.Encode(width, height, 16, 0, 1, (x, y, _) => values[(y * width) + x], interlaced);
            RgbImage picture = ImageDecoding.Decode(png, "grey", Limits);
            Assert.Equal(new ImageSize(width, height), ImageDecoding.ReadSize(png, "grey"));
            for (int i = 0; i < values.Length; i++)
            {
                double expected = least == most ? values[i] * 255.0 / 65535 : (values[i] - least) * 255.0 / (most - least);
                Assert.All(picture.Pixels[(i * 3)..((i * 3) + 3)], level => Assert.InRange(level, expected - 0.5001, expected + 0.5001));
            }
        },
        iter: 60,
        threads: 1);

    [Fact]
    public void Transparent_grey_of_16_bits_is_laid_over_white()
    {
        byte[] alpha = Pngs.Encode(5, 7, 16, 4, 2, (x, y, c) => c == 1 ? x * 65535 / 4 : y * 1000);
        RgbImage picture = ImageDecoding.Decode(alpha, "alpha", Limits);
        Assert.All(Enumerable.Range(0, 35), i => Assert.Equal(Over(i % 5 / 4.0, i / 5 / 6.0), picture.Pixels[i * 3], 0.51));
        byte[] key = Pngs.WithChunk(Pngs.Encode(3, 1, 16, 0, 1, (x, _, _) => x * 700), "tRNS", [700 >> 8, 700 & 255]);
        Assert.Equal(new byte[] { 0, 0, 0, 255, 255, 255, 255, 255, 255 }, ImageDecoding.Decode(key, "key", Limits).Pixels);

        static double Over(double alpha, double value) => 255 - ((255 - (255 * value)) * alpha);
    }

    [Fact]
    public void A_cut_picture_is_an_error_unless_every_pixel_is_there()
    {
        byte[] grey = Pngs.Encode(40, 30, 16, 0, 1, (x, y, _) => x * y * 31 % 65536);
        byte[][] whole = [Encode(SKEncodedImageFormat.Png), Encode(SKEncodedImageFormat.Jpeg), Encode(SKEncodedImageFormat.Webp), grey];
        foreach (byte[] bytes in whole)
        {
            RgbImage complete = ImageDecoding.Decode(bytes, "whole", Limits);
            for (int length = 0; length < bytes.Length; length++)
            {
                try
                {
                    RgbImage picture = ImageDecoding.Decode(bytes.AsMemory(0, length), "cut.bin", Limits);
                    Assert.Equal(complete.Pixels, picture.Pixels);
                    Assert.True(length > bytes.Length * 0.8, $"{length} of {bytes.Length} bytes are enough");
                }
                catch (MedixException error)
                {
                    Assert.StartsWith("cut.bin:", error.Message, StringComparison.Ordinal);
                }
            }
        }
    }

    [Fact]
    public void Random_damage_is_an_error_or_a_picture_of_a_legal_size()
    {
        byte[] grey = Pngs.Encode(20, 10, 16, 4, 2, (x, y, _) => x * y * 31 % 65536);
        byte[][] whole = [Encode(SKEncodedImageFormat.Png), Encode(SKEncodedImageFormat.Jpeg), Encode(SKEncodedImageFormat.Webp), grey];
        ImageLimits small = new(500, 100_000);
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Int[0, 300], Gen.Byte).Sample(
            (which, at, value) =>
            {
                byte[] bytes = [.. whole[which]];
                bytes[Math.Min(at, bytes.Length - 1)] = value;
                try
                {
                    RgbImage picture = ImageDecoding.Decode(bytes, "damaged", small);
                    Assert.Equal((long)picture.Width * picture.Height * 3, picture.Pixels.Length);
                    Assert.True(picture.Width <= 500 && picture.Height <= 500);
                }
                catch (MedixException)
                {
                    // The only exception that may come.
                }
            },
            iter: 1500,
            threads: 1);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(16)]
    public void A_claimed_size_above_the_limits_is_refused_before_decoding(int bits)
    {
        byte[] bomb = Pngs.WithSize(Pngs.Encode(4, 4, bits, 0, 1, (x, y, _) => x + y), 60_000, 60_000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        string message = Assert.Throws<MedixException>(() => ImageDecoding.Decode(bomb, "bomb.png", Limits)).Message;
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1_000_000);
        Assert.Contains("bomb.png: the picture is 60000x60000", message, StringComparison.Ordinal);

        byte[] fits = Pngs.Encode(30, 20, bits, 0, 1, (x, y, _) => x + y);
        Assert.Equal(30, ImageDecoding.Decode(fits, "fits", new ImageLimits(30, 600)).Width);
        Assert.Throws<MedixException>(() => ImageDecoding.Decode(fits, "side", new ImageLimits(29, 600)));
        Assert.Throws<MedixException>(() => ImageDecoding.Decode(fits, "area", new ImageLimits(30, 599)));
        Assert.Throws<MedixException>(() => ImageDecoding.Decode(bomb, "lifted", new ImageLimits(int.MaxValue, long.MaxValue)));
    }

    [Fact]
    public void Other_files_are_refused_by_name()
    {
        string unknown = Assert.Throws<MedixException>(() => ImageDecoding.Decode("hello"u8.ToArray(), "note.txt", Limits)).Message;
        Assert.StartsWith("note.txt:", unknown, StringComparison.Ordinal);
        Assert.Contains("empty", Assert.Throws<MedixException>(() => ImageDecoding.ReadSize(Array.Empty<byte>(), "none")).Message, StringComparison.Ordinal);
    }

    private static int Gradient(int x, int y, int channel) => channel switch { 0 => x * 6, 1 => y * 10, _ => 128 };

    private static byte[] Encode(SKEncodedImageFormat format)
    {
        using SKBitmap bitmap = new(40, 24, SKColorType.Rgba8888, SKAlphaType.Opaque);
        for (int i = 0; i < 40 * 24; i++)
        {
            bitmap.SetPixel(i % 40, i / 40, new SKColor((byte)Gradient(i % 40, i / 40, 0), (byte)Gradient(i % 40, i / 40, 1), 128));
        }

        using SKData data = bitmap.Encode(format, 95);
        return data.ToArray();
    }

    /// <summary>Adds an EXIF segment with one entry, the orientation, behind the JPEG's first marker.</summary>
    private static byte[] WithOrientation(byte[] jpeg, int orientation)
    {
        byte[] exif = [.. "Exif\0\0MM\0*"u8, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)orientation, 0, 0, 0, 0, 0, 0];
        return [.. jpeg[..2], 0xFF, 0xE1, 0, (byte)(exif.Length + 2), .. exif, .. jpeg[2..]];
    }
}
