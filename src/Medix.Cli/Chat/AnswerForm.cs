using System.Text.Json;
using Medix.Inference.Generation.Constraints;
using Medix.Runs;
using Medix.Text;
using Microsoft.Extensions.AI;
using ChatOptions = Microsoft.Extensions.AI.ChatOptions;

namespace Medix.Cli.Chat;

/// <summary>
/// What every answer of a conversation must be: JSON of a schema, or a text that matches a pattern. It holds from the first token on, so that a model that would reason
/// before it answers cannot.
/// </summary>
internal sealed class AnswerForm
{
    private readonly JsonElement? schema;
    private readonly string? pattern;

    private AnswerForm(JsonElement? schema, string? pattern) => (this.schema, this.pattern) = (schema, pattern);

    /// <summary>The form that the options ask for, compiled once to know that it can be; null for none.</summary>
    /// <exception cref="MedixException">Both are given, the file cannot be read, or the schema or pattern is broken or uses what is not supported.</exception>
    public static AnswerForm? Read(string? schemaFile, string? pattern)
    {
        if (schemaFile is not null && pattern is not null)
        {
            throw new MedixException("--json-schema and --regex are both given, but an answer has one form. Leave one out.");
        }

        return schemaFile is not null ? OfSchema(schemaFile) : pattern is not null ? OfPattern(pattern) : null;
    }

    /// <summary>What keeps to a form is an answer as a whole: tags within it are text.</summary>
    public static ParsedResponse Parse(string text) => new(null, null, text, AnswerSource.Untagged, WellFormed: false);

    /// <summary>The client with every answer held to the form.</summary>
    public IChatClient Over(IChatClient client) => new Client(client, this);

    private static AnswerForm OfSchema(string file)
    {
        try
        {
            string text = Directory.Exists(file) ? throw new IOException("it is a folder") : File.ReadAllText(file);
            OutputConstraint.JsonSchema(text);
            using JsonDocument document = JsonDocument.Parse(text);
            return new AnswerForm(document.RootElement.Clone(), null);
        }
        catch (MedixException fault)
        {
            throw new MedixException($"--json-schema {file}: {fault.Message}", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new MedixException($"--json-schema {file}: the file cannot be read ({fault.Message.TrimEnd('.')}). Check the path and its permissions.", fault);
        }
    }

    private static AnswerForm OfPattern(string pattern)
    {
        try
        {
            OutputConstraint.Regex(pattern);
            return new AnswerForm(null, pattern);
        }
        catch (MedixException fault)
        {
            throw new MedixException($"--regex: {fault.Message}", fault);
        }
    }

    private ChatOptions Options(ChatOptions? options)
    {
        ChatOptions held = options?.Clone() ?? new ChatOptions();
        if (schema is { } json)
        {
            held.ResponseFormat = ChatResponseFormat.ForJsonSchema(json);
        }
        else
        {
            held.AdditionalProperties = new(held.AdditionalProperties ?? []) { ["regex"] = pattern };
        }

        return held;
    }

    private sealed class Client(IChatClient client, AnswerForm form) : DelegatingChatClient(client)
    {
        public override Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
            base.GetResponseAsync(messages, form.Options(options), cancellationToken);

        public override IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
            IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
            base.GetStreamingResponseAsync(messages, form.Options(options), cancellationToken);
    }
}
