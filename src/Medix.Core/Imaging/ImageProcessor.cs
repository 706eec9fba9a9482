using Medix.Runs;

namespace Medix.Imaging;

/// <summary>
/// A picture as the vision tower reads it: <paramref name="Patches"/> is [patches, channels·frames·patch·patch] row-major, ordered as
/// merged block row, block column, row and column inside the block; each patch as channel, frame, y, x. See <see cref="ImageGrid"/>.
/// </summary>
public sealed record ProcessedImage(float[] Patches, ImageGrid Grid);

/// <summary>
/// Turns a picture into patches exactly as the published Qwen2-VL and Qwen3-VL processors do on the CPU: smart resize, antialiased bicubic
/// in integers, normalisation in float32, patches. Safe for concurrent use.
/// </summary>
public sealed class ImageProcessor
{
    private const int Channels = 3;

    private readonly ImageProcessorOptions _options;

    // The normalised value of each level: 256 per channel.
    private readonly float[] _levels = new float[Channels * 256];

    /// <summary>A processor with these settings.</summary>
    public ImageProcessor(ImageProcessorOptions options)
    {
        _options = options;
        for (int channel = 0; channel < Channels; channel++)
        {
            // The scaling to 0…1 is folded into mean and deviation, in float32, as the reference does: the last bits depend on it.
            float mean = (float)options.Mean[channel] * 255f;
            float deviation = (float)options.Std[channel] * 255f;
            for (int level = 0; level < 256; level++)
            {
                _levels[(channel * 256) + level] = (level - mean) / deviation;
            }
        }
    }

    /// <summary>The grid in patches of a picture of this size. Throws <see cref="MedixException"/> for an empty picture or an aspect ratio above 200.</summary>
    public ImageGrid GridFor(int width, int height)
    {
        ImageSize size = SizeFor(width, height);
        return new ImageGrid(1, size.Height / _options.PatchSize, size.Width / _options.PatchSize);
    }

    /// <summary>Resizes, normalises and cuts a picture into patches; the one frame stands for all frames of a temporal patch.</summary>
    public ProcessedImage Process(RgbImage image)
    {
        if (image.Pixels.LongLength != (long)image.Width * image.Height * Channels)
        {
            throw new ArgumentException($"{image.Pixels.Length} bytes do not make {image.Width}x{image.Height} RGB pixels.", nameof(image));
        }

        RgbImage resized = Resize(image);
        return new ProcessedImage(Cut(resized), new ImageGrid(1, resized.Height / _options.PatchSize, resized.Width / _options.PatchSize));
    }

    /// <summary>The picture as it is before normalisation.</summary>
    public RgbImage Resize(RgbImage image) => BicubicResize.Resize(image, SizeFor(image.Width, image.Height));

    private ImageSize SizeFor(int width, int height)
    {
        ImageSize size = SmartResize.Compute(width, height, _options.Factor, _options.MinPixels, _options.MaxPixels);
        return size.Width > 0 && size.Height > 0
            ? size
            : throw new MedixException(
                $"A picture of {width}x{height} pixels shrinks to nothing with min_pixels {_options.MinPixels}. "
                + $"Set min_pixels to at least {(long)_options.Factor * _options.Factor}.");
    }

    private float[] Cut(RgbImage image)
    {
        int patch = _options.PatchSize;
        int merge = _options.MergeSize;
        int length = Channels * _options.TemporalPatchSize * patch * patch;
        int rows = image.Height / patch;
        int columns = image.Width / patch;
        float[] patches = GC.AllocateUninitializedArray<float>(checked(rows * columns * length));
        int at = 0;
        for (int blockRow = 0; blockRow < rows; blockRow += merge)
        {
            for (int blockColumn = 0; blockColumn < columns; blockColumn += merge)
            {
                for (int inside = 0; inside < merge * merge; inside++, at += length)
                {
                    int y = (blockRow + (inside / merge)) * patch;
                    int x = (blockColumn + (inside % merge)) * patch;
                    CutPatch(image, x, y, patches.AsSpan(at, length));
                }
            }
        }

        return patches;
    }

    private void CutPatch(RgbImage image, int left, int top, Span<float> output)
    {
        int patch = _options.PatchSize;
        int frame = patch * patch;
        int channelLength = frame * _options.TemporalPatchSize;
        for (int channel = 0; channel < Channels; channel++)
        {
            ReadOnlySpan<float> levels = _levels.AsSpan(channel * 256, 256);
            Span<float> first = output.Slice(channel * channelLength, frame);
            for (int y = 0; y < patch; y++)
            {
                ReadOnlySpan<byte> row = image.Pixels.AsSpan((((top + y) * image.Width) + left) * Channels, patch * Channels);
                Span<float> line = first.Slice(y * patch, patch);
                for (int x = 0; x < line.Length; x++)
                {
                    line[x] = levels[row[(x * Channels) + channel]];
                }
            }

            for (int copy = 1; copy < _options.TemporalPatchSize; copy++)
            {
                first.CopyTo(output.Slice((channel * channelLength) + (copy * frame), frame));
            }
        }
    }
}
