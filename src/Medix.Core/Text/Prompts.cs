using System.Text.Json;
using Medix.Imaging;

namespace Medix.Text;

/// <summary>One message of a conversation: role <c>system</c>, <c>user</c>, <c>assistant</c> or <c>tool</c>, and its parts in order.</summary>
public sealed record PromptMessage(string Role, IReadOnlyList<PromptPart> Parts)
{
    /// <summary>The calls an assistant made after its text.</summary>
    public IReadOnlyList<ToolCall> ToolCalls { get; init; } = [];

    /// <summary>An assistant's reasoning, where it is kept apart from the text; only the Qwen3 template writes it.</summary>
    public string? Reasoning { get; init; }

    /// <summary>A message of one text.</summary>
    public static PromptMessage FromText(string role, string text) => new(role, [new TextPart(text)]);
}

/// <summary>A text or the place of an image within a message.</summary>
public abstract record PromptPart;

/// <summary>Text as written by a dataset or a user: never read as control tokens.</summary>
public sealed record TextPart(string Text) : PromptPart;

/// <summary>The place of the next image of the sample, in order.</summary>
public sealed record ImagePart : PromptPart;

/// <summary>The place of the next video; templates write it, the rest of the program does not read videos.</summary>
public sealed record VideoPart : PromptPart;

/// <summary>A call of a tool: <paramref name="Arguments"/> is a JSON object, or a JSON text that is written as it stands.</summary>
public sealed record ToolCall(string Name, JsonElement Arguments);

/// <summary>
/// What the model reads. <paramref name="Tokens"/> [P] holds one image placeholder id per merged image token;
/// <paramref name="Patches"/> is [N, D] row-major (N patches of all images in order, D = channels·temporal·patch²), empty for text only;
/// <paramref name="Grids"/> has one (t, h, w) in patches per image.
/// </summary>
public sealed record ModelInput(int[] Tokens, float[] Patches, IReadOnlyList<ImageGrid> Grids);
