using System.Collections.Concurrent;
using Medix.Data;
using Medix.Imaging;
using Medix.Runs;
using Medix.Text;

namespace Medix.Training.Rollouts;

/// <summary>
/// Turns a sample into what the model reads. Pictures are kept at the size the model sees, up to a limit of memory, because decoding a full-size
/// radiograph costs more than a training step of a small model. Safe for several threads.
/// </summary>
/// <param name="prompts">Builds the prompts.</param>
/// <param name="processor">Resizes as the model asks.</param>
/// <param name="limits">What is decoded at all.</param>
/// <param name="cacheBytes">Memory for resized pictures; 0 where every sample has a picture of its own that is made anew.</param>
public sealed class SamplePreparer(PromptBuilder prompts, ImageProcessor processor, ImageLimits limits, long cacheBytes)
{
    private readonly ConcurrentDictionary<ImageSource, RgbImage> resized = new(ReferenceEqualityComparer.Instance);
    private long cached;

    /// <summary>Prepares a sample.</summary>
    public PreparedSample Prepare(Sample sample) => new(sample, prompts.Build(sample.Messages, [.. sample.Images.Select(Resized)]));

    /// <summary>Prepares a sample with its pictures changed a little: shifted, scaled, brighter or darker, never mirrored.</summary>
    public PreparedSample Prepare(Sample sample, SeededRandom augmentation) =>
        new(sample, prompts.Build(sample.Messages, [.. sample.Images.Select(i => Augmentation.Apply(Resized(i), augmentation))]));

    /// <summary>The picture at the size the model sees.</summary>
    private RgbImage Resized(ImageSource source)
    {
        if (resized.TryGetValue(source, out RgbImage? image))
        {
            return image;
        }

        image = processor.Resize(ImageDecoding.Decode(source.Bytes, source.Name, limits));
        if (Interlocked.Add(ref cached, image.Pixels.Length) <= cacheBytes)
        {
            resized[source] = image;
        }

        return image;
    }
}
