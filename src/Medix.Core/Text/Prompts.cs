using Medix.Imaging;

namespace Medix.Text;

/// <summary>One message of a conversation: role <c>system</c>, <c>user</c> or <c>assistant</c>, and its parts in order.</summary>
public sealed record PromptMessage(string Role, IReadOnlyList<PromptPart> Parts)
{
    /// <summary>A message of one text.</summary>
    public static PromptMessage FromText(string role, string text) => new(role, [new TextPart(text)]);
}

/// <summary>A text or the place of an image within a message.</summary>
public abstract record PromptPart;

/// <summary>Text as written by a dataset or a user: never read as control tokens.</summary>
public sealed record TextPart(string Text) : PromptPart;

/// <summary>The place of the next image of the sample, in order.</summary>
public sealed record ImagePart : PromptPart;

/// <summary>
/// What the model reads. <paramref name="Tokens"/> [P] holds one image placeholder id per merged image token;
/// <paramref name="Patches"/> is [N, D] row-major (N patches of all images in order, D = channels·temporal·patch²), empty for text only;
/// <paramref name="Grids"/> has one (t, h, w) in patches per image.
/// </summary>
public sealed record ModelInput(int[] Tokens, float[] Patches, IReadOnlyList<ImageGrid> Grids);
