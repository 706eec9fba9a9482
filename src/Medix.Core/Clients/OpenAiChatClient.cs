using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace Medix.Clients;

/// <summary>
/// Chat over an OpenAI-compatible endpoint (<c>chat/completions</c>): texts and images in, text out, whole or as a stream. Fields that the endpoint
/// knows and <see cref="ChatOptions"/> does not go through <see cref="ChatOptions.AdditionalProperties"/>.
/// </summary>
/// <param name="http">A client whose base address is the endpoint's (see <see cref="EndpointHttp.Create"/>); owned by the caller.</param>
/// <param name="model">The model asked when the options name none.</param>
public sealed class OpenAiChatClient(HttpClient http, string model) : IChatClient
{
    private const string Path = "chat/completions";

    private readonly ChatClientMetadata _metadata = new("openai-compatible", http.BaseAddress, model);

    /// <inheritdoc/>
    /// <exception cref="HttpRequestException">No connection, or a status other than success.</exception>
    /// <exception cref="InvalidDataException">The answer is not a chat completion with a text.</exception>
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        JsonElement answer = await EndpointHttp.PostAsync(http, Path, Body(messages, options, false), cancellationToken).ConfigureAwait(false);
        JsonElement choice = FirstChoice(answer);
        string text = EndpointHttp.Property(choice, "message") is { ValueKind: JsonValueKind.Object } message ? Content(message) : throw NoText(answer);
        ChatResponse response = new(new ChatMessage(ChatRole.Assistant, text))
        {
            ResponseId = EndpointHttp.Text(answer, "id"),
            ModelId = EndpointHttp.Text(answer, "model"),
            FinishReason = Finish(choice),
            Usage = Usage(answer),
            RawRepresentation = answer,
        };
        if (EndpointHttp.Property(choice, "logprobs") is JsonElement logprobs)
        {
            response.AdditionalProperties = new() { ["logprobs"] = logprobs };
        }

        return response;
    }

    /// <inheritdoc/>
    /// <exception cref="HttpRequestException">No connection, or a status other than success.</exception>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, Path) { Content = JsonContent.Create(Body(messages, options, true)) };
        using HttpResponseMessage response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        await EndpointHttp.EnsureSuccessAsync(response, cancellationToken).ConfigureAwait(false);
        using Stream stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await foreach (SseItem<string> item in SseParser.Create(stream).EnumerateAsync(cancellationToken).ConfigureAwait(false))
        {
            if (item.Data == "[DONE]")
            {
                yield break;
            }

            if (Update(item.Data) is ChatResponseUpdate update)
            {
                yield return update;
            }
        }
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is not null ? null : serviceType == typeof(ChatClientMetadata) ? _metadata : serviceType.IsInstanceOfType(this) ? this : null;

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private JsonObject Body(IEnumerable<ChatMessage> messages, ChatOptions? options, bool stream)
    {
        JsonArray list = [.. messages.Select(message => (JsonNode)new JsonObject { ["role"] = message.Role.Value, ["content"] = Parts(message) })];
        JsonObject body = new() { ["model"] = options?.ModelId ?? model, ["messages"] = list, ["stream"] = stream };
        Set(body, "temperature", options?.Temperature);
        Set(body, "top_p", options?.TopP);
        Set(body, "max_tokens", options?.MaxOutputTokens);
        Set(body, "seed", options?.Seed);
        if (options?.StopSequences is { Count: > 0 } stops)
        {
            body["stop"] = new JsonArray([.. stops.Select(stop => (JsonNode)stop)]);
        }

        foreach ((string name, object? value) in options?.AdditionalProperties ?? [])
        {
            body[name] = JsonSerializer.SerializeToNode(value);
        }

        return body;
    }

    private static void Set<T>(JsonObject body, string name, T? value)
        where T : struct
    {
        if (value is T given)
        {
            body[name] = JsonValue.Create(given);
        }
    }

    /// <summary>One text as a string, which every server takes; several parts or images as a list.</summary>
    private static JsonNode Parts(ChatMessage message) =>
        message.Contents is [TextContent only] ? only.Text : new JsonArray([.. message.Contents.Select(Part)]);

    private static JsonNode Part(AIContent content) => content switch
    {
        TextContent text => new JsonObject { ["type"] = "text", ["text"] = text.Text },
        DataContent data when data.HasTopLevelMediaType("image") => Image(data.Uri),
        UriContent uri => Image(uri.Uri.ToString()),
        _ => throw new NotSupportedException($"A chat endpoint takes texts and images, not {content.GetType().Name}."),
    };

    private static JsonObject Image(string url) => new() { ["type"] = "image_url", ["image_url"] = new JsonObject { ["url"] = url } };

    private static JsonElement FirstChoice(JsonElement answer) => Choice(answer) ?? throw NoText(answer);

    private static JsonElement? Choice(JsonElement answer) =>
        EndpointHttp.Property(answer, "choices") is { ValueKind: JsonValueKind.Array } choices && choices.GetArrayLength() > 0 ? choices[0] : null;

    /// <summary>The message's text. Null is an empty text (a refusal, a tool call); anything but a string is not what was asked for.</summary>
    private static string Content(JsonElement message) =>
        !message.TryGetProperty("content", out JsonElement content) || content.ValueKind == JsonValueKind.Null ? ""
        : content.ValueKind == JsonValueKind.String ? content.GetString()!
        : throw NoText(message);

    private static InvalidDataException NoText(JsonElement answer)
    {
        const int shown = 200;
        string text = answer.GetRawText();
        return new InvalidDataException("no choices[0].message.content with a text in " + (text.Length <= shown ? text : text[..shown] + "…"));
    }

    private static UsageDetails? Usage(JsonElement answer) => EndpointHttp.Property(answer, "usage") is { ValueKind: JsonValueKind.Object } usage
        ? new()
        {
            InputTokenCount = EndpointHttp.Integer(usage, "prompt_tokens"),
            OutputTokenCount = EndpointHttp.Integer(usage, "completion_tokens"),
            TotalTokenCount = EndpointHttp.Integer(usage, "total_tokens"),
        }
        : null;

    /// <summary>One event of a stream; null for events without a choice (usage, keep-alive).</summary>
    private static ChatResponseUpdate? Update(string data)
    {
        using JsonDocument document = JsonDocument.Parse(data);
        JsonElement root = document.RootElement.Clone();
        if (Choice(root) is not JsonElement choice)
        {
            return null;
        }

        string? text = EndpointHttp.Property(choice, "delta") is JsonElement delta ? EndpointHttp.Text(delta, "content") : null;
        return new ChatResponseUpdate(ChatRole.Assistant, text)
        {
            MessageId = EndpointHttp.Text(root, "id") ?? "0",
            ResponseId = EndpointHttp.Text(root, "id"),
            ModelId = EndpointHttp.Text(root, "model"),
            FinishReason = Finish(choice),
            RawRepresentation = root,
        };
    }

    private static ChatFinishReason? Finish(JsonElement choice) =>
        EndpointHttp.Text(choice, "finish_reason") is { Length: > 0 } reason ? new ChatFinishReason(reason) : null;
}
