using System.Text.Json;
using Medix.Runs;

namespace Medix.Text;

/// <summary>Collects the segments of a conversation, and writes what both templates have in common.</summary>
internal sealed class ChatWriter
{
    private readonly List<ChatSegment> _segments = [];

    /// <summary>What has been written so far.</summary>
    public IReadOnlyList<ChatSegment> Segments => _segments;

    /// <summary>Text of the template itself.</summary>
    public void Control(string text) => Add(text, isControl: true);

    /// <summary>Text from outside.</summary>
    public void Content(string text) => Add(text, isControl: false);

    /// <summary>The texts of a message, its other parts left out.</summary>
    public static string TextOf(PromptMessage message) => string.Concat(message.Parts.OfType<TextPart>().Select(part => part.Text));

    /// <summary>The texts of a message that may have nothing else.</summary>
    public static string OnlyTextOf(PromptMessage message) => message.Parts.FirstOrDefault(part => part is not TextPart) is { } other
        ? throw new MedixException($"A {message.Role} message has a part of type {other.GetType().Name}; a text-only model takes text parts alone.")
        : TextOf(message);

    /// <summary>An assistant's calls, each on its own lines; the first follows directly where there is no text.</summary>
    public void ToolCalls(IReadOnlyList<ToolCall> calls, bool afterText)
    {
        for (int i = 0; i < calls.Count; i++)
        {
            Control(i > 0 || afterText ? "\n" : "");
            Control("<tool_call>\n{\"name\": \"");
            Content(calls[i].Name);
            Control("\", \"arguments\": ");
            JsonElement arguments = calls[i].Arguments;
            Content(arguments.ValueKind == JsonValueKind.String ? arguments.GetString()! : PythonJson.Write(arguments));
            Control("}\n</tool_call>");
        }
    }

    /// <summary>One tool message; neighbours share a user turn.</summary>
    public void ToolResponse(IReadOnlyList<PromptMessage> messages, int index, Action writeContent)
    {
        Control(index == 0 || messages[index - 1].Role != "tool" ? "<|im_start|>user" : "");
        Control("\n<tool_response>\n");
        writeContent();
        Control("\n</tool_response>");
        Control(index == messages.Count - 1 || messages[index + 1].Role != "tool" ? "<|im_end|>\n" : "");
    }

    private void Add(string text, bool isControl)
    {
        if (text.Length > 0)
        {
            _segments.Add(new ChatSegment(text, isControl));
        }
    }
}
