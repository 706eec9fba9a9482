using System.Runtime.Intrinsics.X86;
using CsCheck;
using Medix.Core.Tests.Weights;
using Medix.Imaging;
using Medix.Runs;

namespace Medix.Core.Tests.Imaging;

/// <summary>Laws of the resize and the patches for any size, and the settings file.</summary>
public sealed class ImageProcessorTests
{
    private static readonly ImageProcessorOptions Published = ImageProcessorOptions.Qwen3VL();

    [Fact]
    public void Sizes_are_multiples_of_the_factor_within_the_limits() =>
        Gen.Select(Gen.Int[1, 5000], Gen.Int[1, 5000], Gen.Int[1, 40], Gen.Int[1, 400], Gen.Int[4, 400]).Sample((width, height, factor, low, span) =>
        {
            long least = (long)low * factor * factor, most = least * span;
            if (Math.Max(width, height) / (double)Math.Min(width, height) > SmartResize.MaxAspectRatio)
            {
                Assert.Throws<MedixException>(() => SmartResize.Compute(width, height, factor, least, most));
                return;
            }

            ImageSize size = SmartResize.Compute(width, height, factor, least, most);
            Assert.True(size.Width % factor == 0 && size.Height % factor == 0 && size.Width > 0 && size.Height > 0);

            // A side is never rounded below one factor, so a thin picture may pass the largest area by that much.
            long area = (long)size.Width * size.Height;
            Assert.True(area <= most || Math.Min(size.Width, size.Height) == factor, $"{area} > {most}");
            Assert.True(area >= least || (double)width * height > least, $"{area} < {least}");
            Assert.Equal(new ImageSize(size.Height, size.Width), SmartResize.Compute(height, width, factor, least, most));
        });

    [Fact]
    public void The_aspect_ratio_200_is_the_last_one_accepted()
    {
        ImageProcessor processor = new(Published);
        Assert.Equal(1, processor.GridFor(2000, 10).T);
        Assert.Contains("201", Assert.Throws<MedixException>(() => processor.GridFor(201, 1)).Message, StringComparison.Ordinal);
        Assert.Throws<MedixException>(() => processor.Process(new RgbImage(1, 201, new byte[603])));
        Assert.Throws<MedixException>(() => processor.GridFor(0, 5));
        Assert.Throws<MedixException>(() => new ImageProcessor(Published with { MinPixels = 0 }).GridFor(3, 3));
        Assert.Throws<ArgumentException>(() => processor.Process(new RgbImage(2, 2, new byte[11])));
    }

    [Fact]
    public void Both_ways_through_the_width_give_the_same_bytes()
    {
        Assert.SkipUnless(Sse2.IsSupported, "this processor has only one way");
        Gen.Select(Gen.Int[1, 90], Gen.Int[1, 5], Gen.Int[1, 90], Gen.ULong).Sample((width, height, target, seed) =>
        {
            byte[] pixels = Noise(width * height * 3, seed);
            Assert.Equal(
                BicubicResize.ResizeWidth(pixels, width, height, target, paired: false),
                BicubicResize.ResizeWidth(pixels, width, height, target, paired: true));
        });
    }

    [Fact]
    public void Width_and_height_use_one_filter() => Gen.Select(Gen.Int[1, 70], Gen.Int[1, 70], Gen.ULong).Sample((length, target, seed) =>
    {
        byte[] pixels = Noise(length * 3, seed);
        Assert.Equal(
            BicubicResize.ResizeWidth(pixels, length, 1, target, Sse2.IsSupported),
            BicubicResize.ResizeHeight(pixels, 3, length, target));
    });

    [Fact]
    public void A_plain_picture_stays_plain() => Gen.Select(Gen.Int[2, 300], Gen.Int[2, 300], Gen.Byte).Sample(
        (width, height, level) =>
        {
            byte[] pixels = new byte[width * height * 3];
            Array.Fill(pixels, level);
            ProcessedImage processed = new ImageProcessor(Published with { MinPixels = 2048, MaxPixels = 16384 }).Process(new RgbImage(width, height, pixels));
            Assert.Equal(processed.Grid.Patches * 3 * 2 * 16 * 16, processed.Patches.Length);
            Assert.All(processed.Patches, value => Assert.Equal((level - 127.5f) / 127.5f, value));
        },
        iter: 20);

    [Fact]
    public void Patches_hold_the_pixels_in_block_order()
    {
        // No resize at this size: every value can be traced to its pixel.
        const int Width = 96, Height = 64;
        byte[] pixels = Noise(Width * Height * 3, 4);
        ProcessedImage processed = new ImageProcessor(Published with { MinPixels = 1024 }).Process(new RgbImage(Width, Height, pixels));
        Assert.Equal(new ImageGrid(1, 4, 6), processed.Grid);
        for (int at = 0; at < processed.Patches.Length; at++)
        {
            // The index taken apart: block row and column, place in the block, channel, frame, y, x.
            int x = at % 16, y = at / 16 % 16, channel = at / 512 % 3, patch = at / 1536;
            int row = (patch / 12 * 32) + (patch / 2 % 2 * 16) + y;
            int column = (patch / 4 % 3 * 32) + (patch % 2 * 16) + x;
            Assert.Equal((pixels[(((row * Width) + column) * 3) + channel] - 127.5f) / 127.5f, processed.Patches[at]);
        }
    }

    [Theory]
    [InlineData("\"size\":{\"shortest_edge\":4096,\"longest_edge\":8192}", 4096, 8192)]
    [InlineData("\"min_pixels\":3136,\"max_pixels\":12845056", 3136, 12845056)]
    public void The_settings_file_is_read_in_both_spellings(string limits, long least, long most)
    {
        ImageProcessorOptions options = Load("{" + limits + """
            ,"patch_size":14,"temporal_patch_size":2,"merge_size":2,"image_mean":[0.1,0.2,0.3],"image_std":[0.4,0.5,0.6],
            "rescale_factor":0.00392156862745098,"resample":3}
            """);
        Assert.Equal((14, 2, 2, least, most), (options.PatchSize, options.TemporalPatchSize, options.MergeSize, options.MinPixels, options.MaxPixels));
        Assert.Equal([0.1, 0.2, 0.3], options.Mean);
        Assert.Equal([0.4, 0.5, 0.6], options.Std);
        Assert.Equal(28, options.Factor);
    }

    [Theory]
    [InlineData("\"patch_size\":16", "\"patch_size\":0", "patch_size")]
    [InlineData("\"patch_size\":16,", "", "patch_size is missing")]
    [InlineData("[0.5,0.5,0.5]", "[0.5,0.5]", "three numbers")]
    [InlineData("\"image_std\":[0.5,", "\"image_std\":[0,", "above 0")]
    [InlineData("\"shortest_edge\":1024", "\"shortest_edge\":9999", "at most the largest")]
    [InlineData("\"size\"", "\"do_rescale\":false,\"size\"", "do_rescale")]
    [InlineData("\"size\"", "\"resample\":2,\"size\"", "bicubic")]
    [InlineData("\"size\"", "\"rescale_factor\":1,\"size\"", "1/255")]
    public void A_wrong_setting_is_named(string part, string instead, string saying)
    {
        const string Good = """
            {"size":{"shortest_edge":1024,"longest_edge":8192},"patch_size":16,"temporal_patch_size":2,"merge_size":2,
            "image_mean":[0.5,0.5,0.5],"image_std":[0.5,0.5,0.5]}
            """;
        Assert.Equal(1024, Load(Good).MinPixels);
        string message = Assert.Throws<MedixException>(() => Load(Good.Replace(part, instead, StringComparison.Ordinal))).Message;
        Assert.Contains(saying, message, StringComparison.Ordinal);
    }

    private static ImageProcessorOptions Load(string json)
    {
        using TempFolder folder = new();
        File.WriteAllText(folder.File("preprocessor_config.json"), json);
        return ImageProcessorOptions.Load(folder.File("preprocessor_config.json"));
    }

    private static byte[] Noise(int length, ulong seed)
    {
        SeededRandom random = Seed.Random(seed);
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++)
        {
            bytes[i] = (byte)random.NextBits();
        }

        return bytes;
    }
}
