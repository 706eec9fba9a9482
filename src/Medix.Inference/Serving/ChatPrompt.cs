using Medix.Imaging;
using Medix.Runs;
using Medix.Text;
using Microsoft.Extensions.AI;
using ChatOptions = Microsoft.Extensions.AI.ChatOptions;

namespace Medix.Inference.Serving;

/// <summary>A conversation in the form that the model reads.</summary>
internal static class ChatPrompt
{
    private static readonly ImageLimits Limits = new();

    /// <summary>Throws <see cref="MedixException"/> for content that a local model cannot read, naming it.</summary>
    public static ModelInput Build(PromptBuilder prompts, IReadOnlyList<ChatMessage> conversation, ChatOptions? options)
    {
        List<RgbImage> images = [];
        List<PromptMessage> messages = [];
        if (!string.IsNullOrEmpty(options?.Instructions))
        {
            messages.Add(PromptMessage.FromText("system", options.Instructions));
        }

        foreach (ChatMessage message in conversation)
        {
            TextReasoningContent[] reasoning = [.. message.Contents.OfType<TextReasoningContent>()];
            messages.Add(new PromptMessage(message.Role.Value, [.. message.Contents.Except(reasoning).Select(content => Part(content, images))])
            {
                Reasoning = reasoning.Length == 0 ? null : string.Concat(reasoning.Select(content => content.Text)),
            });
        }

        return prompts.Build(messages, images);
    }

    private static PromptPart Part(AIContent content, List<RgbImage> images)
    {
        switch (content)
        {
            case TextContent text:
                return new TextPart(text.Text);
            case DataContent data when data.HasTopLevelMediaType("image"):
                images.Add(ImageDecoding.Decode(data.Data, data.Name ?? $"picture {images.Count + 1}", Limits));
                return new ImagePart();
            case UriContent uri:
                throw new MedixException($"A message has the address '{uri.Uri}'; a local model fetches nothing. Give the picture's bytes (DataContent).");
            default:
                throw new MedixException($"A message has {content.GetType().Name}; a local model reads texts and pictures. Leave it out.");
        }
    }
}
