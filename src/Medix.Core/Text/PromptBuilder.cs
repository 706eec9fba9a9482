using Medix.Imaging;
using Medix.Runs;
using Medix.Weights;

namespace Medix.Text;

/// <summary>
/// Turns a conversation and its decoded images into what the model reads, ending where its answer begins. Text of the messages is never read as
/// control tokens. The template follows the model: Qwen3-VL with a vision tower, Qwen3 without.
/// </summary>
public sealed class PromptBuilder
{
    private const string Placeholder = "<|image_pad|>";

    private readonly Tokenizer _tokenizer;
    private readonly ImageProcessor _images;
    private readonly Qwen3VLConfig _config;

    /// <summary>Checks that the parts belong together.</summary>
    /// <exception cref="MedixException">The tokenizer's image placeholder is not the model's, or it has more tokens than the model.</exception>
    public PromptBuilder(Tokenizer tokenizer, ImageProcessor images, Qwen3VLConfig config)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(config);
        if (tokenizer.VocabularySize > config.Text.VocabularySize)
        {
            throw new MedixException(
                $"The tokenizer has ids up to {tokenizer.VocabularySize - 1}, the model's vocab_size is {config.Text.VocabularySize}. "
                + "Take both from one model.");
        }

        if (config.Vision is not null && (!tokenizer.TryGetId(Placeholder, out int id) || id != config.ImageTokenId))
        {
            throw new MedixException(
                $"The model's image_token_id is {config.ImageTokenId}, which is not the tokenizer's {Placeholder}. Take both from one model.");
        }

        (_tokenizer, _images, _config) = (tokenizer, images, config);
    }

    /// <summary>The prompt of a conversation; <paramref name="images"/> are the pictures of its image parts, in order.</summary>
    /// <exception cref="MedixException">There are more or fewer images than image parts in user and tool messages.</exception>
    public ModelInput Build(IReadOnlyList<PromptMessage> messages, IReadOnlyList<RgbImage> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        int[] tokens = Encode(messages);
        // Counted before the pixels are worked on.
        int[] expanded = ImagePlaceholders.Expand(tokens, [.. images.Select(image => _images.GridFor(image.Width, image.Height))], _config);
        ProcessedImage[] processed = [.. images.Select(_images.Process)];
        float[] patches = new float[processed.Sum(image => (long)image.Patches.Length)];
        int offset = 0;
        foreach (ProcessedImage image in processed)
        {
            image.Patches.CopyTo(patches, offset);
            offset += image.Patches.Length;
        }

        return new ModelInput(expanded, patches, [.. processed.Select(image => image.Grid)]);
    }

    /// <summary>The prompt's length in tokens, image tokens included, from the pictures' sizes alone.</summary>
    /// <exception cref="MedixException">There are more or fewer sizes than image parts in user and tool messages.</exception>
    public int CountTokens(IReadOnlyList<PromptMessage> messages, IReadOnlyList<ImageSize> sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        return ImagePlaceholders.Expand(Encode(messages), [.. sizes.Select(size => _images.GridFor(size.Width, size.Height))], _config).Length;
    }

    private int[] Encode(IReadOnlyList<PromptMessage> messages) =>
        _tokenizer.EncodeSegments(ChatTemplate.Render(_config.Vision is null ? ChatTemplateKind.Qwen3 : ChatTemplateKind.Qwen3VL, messages, new ChatOptions()));
}
