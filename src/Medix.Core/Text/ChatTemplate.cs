using System.Text.Json;
using Medix.Runs;

namespace Medix.Text;

/// <summary>The conversation formats of the two model families.</summary>
public enum ChatTemplateKind
{
    /// <summary>Qwen3-VL: images and videos in user and tool messages; system messages after the first are left out; reasoning is not written.</summary>
    Qwen3VL,

    /// <summary>Qwen3: text only; the reasoning of turns before the last question is removed.</summary>
    Qwen3,
}

/// <summary>
/// How a conversation is written. <paramref name="AddVisionId"/> numbers pictures and videos ("Picture 1: "); <paramref name="EnableThinking"/> false
/// opens the answer with an empty reasoning block (Qwen3 only); <paramref name="Tools"/> are JSON descriptions of callable functions.
/// </summary>
public sealed record ChatOptions(
    bool AddGenerationPrompt = true, bool AddVisionId = false, bool EnableThinking = true, IReadOnlyList<JsonElement>? Tools = null);

/// <summary>
/// Writes conversations as the models' published templates do. The result is in segments: what the template itself writes, and what came from outside,
/// so that <see cref="Tokenizer.EncodeSegments"/> never takes a user's text for a control token.
/// </summary>
public static class ChatTemplate
{
    /// <summary>The conversation in segments, in order.</summary>
    /// <exception cref="MedixException">There is no message, a role is not known, or the template has no place for a part.</exception>
    public static IReadOnlyList<ChatSegment> Render(ChatTemplateKind kind, IReadOnlyList<PromptMessage> messages, ChatOptions options)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ArgumentNullException.ThrowIfNull(options);
        Check(messages);
        ChatWriter writer = new();
        WriteSystem(kind, messages[0], options.Tools ?? [], writer);
        if (kind == ChatTemplateKind.Qwen3VL)
        {
            Qwen3VLMessages.Write(messages, options, writer);
        }
        else
        {
            Qwen3Messages.Write(messages, options, writer);
        }

        return writer.Segments;
    }

    /// <summary>The conversation as one text, for people and for engines that take text; encoding it reads a user's control tokens as such.</summary>
    public static string RenderText(ChatTemplateKind kind, IReadOnlyList<PromptMessage> messages, ChatOptions options) =>
        string.Concat(Render(kind, messages, options).Select(segment => segment.Text));

    private static void Check(IReadOnlyList<PromptMessage> messages)
    {
        if (messages.Count == 0)
        {
            throw new MedixException("The conversation has no message; expected at least one.");
        }

        for (int i = 0; i < messages.Count; i++)
        {
            if (messages[i].Role is not ("system" or "user" or "assistant" or "tool"))
            {
                throw new MedixException($"Message {i + 1} has the role '{messages[i].Role}'; expected system, user, assistant or tool.");
            }
        }
    }

    private static void WriteSystem(ChatTemplateKind kind, PromptMessage first, IReadOnlyList<JsonElement> tools, ChatWriter writer)
    {
        bool hasSystem = first.Role == "system";
        if (!hasSystem && tools.Count == 0)
        {
            return;
        }

        writer.Control("<|im_start|>system\n");
        if (hasSystem)
        {
            writer.Content(kind == ChatTemplateKind.Qwen3VL ? ChatWriter.TextOf(first) : ChatWriter.OnlyTextOf(first));
        }

        if (tools.Count > 0)
        {
            writer.Control(hasSystem ? "\n\n" : "");
            WriteTools(tools, writer);
        }

        writer.Control("<|im_end|>\n");
    }

    private static void WriteTools(IReadOnlyList<JsonElement> tools, ChatWriter writer)
    {
        writer.Control(
            "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
            + "You are provided with function signatures within <tools></tools> XML tags:\n<tools>");
        foreach (JsonElement tool in tools)
        {
            writer.Control("\n");
            writer.Content(PythonJson.Write(tool));
        }

        writer.Control(
            "\n</tools>\n\nFor each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n"
            + "<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>");
    }
}
