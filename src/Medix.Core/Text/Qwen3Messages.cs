namespace Medix.Text;

/// <summary>The messages of the Qwen3 template: reasoning is kept only in the turns after the last real question.</summary>
internal static class Qwen3Messages
{
    private const string Open = "<think>", Close = "</think>";

    /// <summary>Writes all messages but a first system message, and the start of the answer where it is asked for.</summary>
    public static void Write(IReadOnlyList<PromptMessage> messages, ChatOptions options, ChatWriter writer)
    {
        int question = LastQuestion(messages);
        for (int i = 0; i < messages.Count; i++)
        {
            PromptMessage message = messages[i];
            if (message.Role == "assistant")
            {
                WriteAssistant(message, i > question, i == messages.Count - 1, writer);
            }
            else if (message.Role == "tool")
            {
                writer.ToolResponse(messages, i, () => writer.Content(ChatWriter.OnlyTextOf(message)));
            }
            else if (message.Role == "user" || i > 0)
            {
                writer.Control($"<|im_start|>{message.Role}\n");
                writer.Content(ChatWriter.OnlyTextOf(message));
                writer.Control("<|im_end|>\n");
            }
        }

        writer.Control(options.AddGenerationPrompt ? "<|im_start|>assistant\n" : "");
        writer.Control(options is { AddGenerationPrompt: true, EnableThinking: false } ? $"{Open}\n\n{Close}\n\n" : "");
    }

    // A user turn that only carries a tool's response is no question.
    private static int LastQuestion(IReadOnlyList<PromptMessage> messages)
    {
        for (int i = messages.Count - 1; i >= 0; i--)
        {
            string text = messages[i].Role == "user" ? ChatWriter.OnlyTextOf(messages[i]) : "";
            bool response = text.StartsWith("<tool_response>", StringComparison.Ordinal) && text.EndsWith("</tool_response>", StringComparison.Ordinal);
            if (messages[i].Role == "user" && !response)
            {
                return i;
            }
        }

        return messages.Count - 1;
    }

    private static void WriteAssistant(PromptMessage message, bool afterQuestion, bool isLast, ChatWriter writer)
    {
        (string reasoning, string content) = SplitReasoning(message);
        writer.Control("<|im_start|>assistant\n");
        if (afterQuestion && (isLast || reasoning.Length > 0))
        {
            writer.Control($"{Open}\n");
            writer.Content(reasoning.Trim('\n'));
            writer.Control($"\n{Close}\n\n");
            writer.Content(content.TrimStart('\n'));
        }
        else
        {
            writer.Content(content);
        }

        writer.ToolCalls(message.ToolCalls, afterText: content.Length > 0);
        writer.Control("<|im_end|>\n");
    }

    private static (string Reasoning, string Content) SplitReasoning(PromptMessage message)
    {
        string content = ChatWriter.OnlyTextOf(message);
        if (message.Reasoning is not null || !content.Contains(Close, StringComparison.Ordinal))
        {
            return (message.Reasoning ?? "", content);
        }

        string[] pieces = content.Split(Close);
        string reasoning = pieces[0].TrimEnd('\n').Split(Open)[^1].TrimStart('\n');
        return (reasoning, pieces[^1].TrimStart('\n'));
    }
}
