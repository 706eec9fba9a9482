using System.Globalization;

namespace Medix.Text;

/// <summary>The messages of the Qwen3-VL template. Pictures and videos are numbered over the whole conversation.</summary>
internal static class Qwen3VLMessages
{
    private sealed class Counts
    {
        public int Images { get; set; }

        public int Videos { get; set; }
    }

    /// <summary>Writes all messages but a first system message, and the start of the answer where it is asked for.</summary>
    public static void Write(IReadOnlyList<PromptMessage> messages, ChatOptions options, ChatWriter writer)
    {
        Counts counts = new();
        for (int i = 0; i < messages.Count; i++)
        {
            PromptMessage message = messages[i];
            switch (message.Role)
            {
                case "user":
                    writer.Control("<|im_start|>user\n");
                    WriteParts(message, options, counts, writer);
                    writer.Control("<|im_end|>\n");
                    break;
                case "assistant":
                    writer.Control("<|im_start|>assistant\n");
                    writer.Content(ChatWriter.TextOf(message));
                    writer.ToolCalls(message.ToolCalls, afterText: message.Parts.Any(part => part is not TextPart { Text.Length: 0 }));
                    writer.Control("<|im_end|>\n");
                    break;
                case "tool":
                    writer.ToolResponse(messages, i, () => WriteParts(message, options, counts, writer));
                    break;
                default:
                    // A system message that is not the first has no place in this template.
                    break;
            }
        }

        writer.Control(options.AddGenerationPrompt ? "<|im_start|>assistant\n" : "");
    }

    private static void WriteParts(PromptMessage message, ChatOptions options, Counts counts, ChatWriter writer)
    {
        foreach (PromptPart part in message.Parts)
        {
            switch (part)
            {
                case ImagePart:
                    counts.Images++;
                    WriteVision("Picture", counts.Images, "<|image_pad|>", options, writer);
                    break;
                case VideoPart:
                    counts.Videos++;
                    WriteVision("Video", counts.Videos, "<|video_pad|>", options, writer);
                    break;
                case TextPart text:
                    writer.Content(text.Text);
                    break;
                default:
                    throw new ArgumentException($"A part of type {part.GetType()} is not known to this template.", nameof(message));
            }
        }
    }

    private static void WriteVision(string name, int number, string placeholder, ChatOptions options, ChatWriter writer)
    {
        writer.Control(options.AddVisionId ? string.Create(CultureInfo.InvariantCulture, $"{name} {number}: ") : "");
        writer.Control($"<|vision_start|>{placeholder}<|vision_end|>");
    }
}
