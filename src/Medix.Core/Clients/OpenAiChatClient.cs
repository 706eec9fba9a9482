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
    public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        JsonElement answer = await EndpointHttp.PostAsync(http, Path, Body(messages, options, false), cancellationToken).ConfigureAwait(false);
        JsonElement choice = FirstChoice(answer);
        string text = choice.TryGetProperty("message", out JsonElement message) && message.ValueKind == JsonValueKind.Object ? Content(message) : throw NoText(answer);
        ChatResponse response = new(new ChatMessage(ChatRole.Assistant, text))
        {
            ResponseId = Text(answer, "id"),
            ModelId = Text(answer, "model"),
            FinishReason = Text(choice, "finish_reason") is { Length: > 0 } reason ? new ChatFinishReason(reason) : null,
            Usage = Usage(answer),
            RawRepresentation = answer,
        };
        if (choice.TryGetProperty("logprobs", out JsonElement logprobs))
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
    private static JsonNode Parts(ChatMessage message) => message.Contents is [TextContent only] ? only.Text : new JsonArray([.. message.Contents.Select(Part)]);

    private static JsonNode Part(AIContent content) => content switch
    {
        TextContent text => new JsonObject { ["type"] = "text", ["text"] = text.Text },
        DataContent data when data.HasTopLevelMediaType("image") => Image(data.Uri),
        UriContent uri => Image(uri.Uri.ToString()),
        _ => throw new NotSupportedException($"A chat endpoint takes texts and images, not {content.GetType().Name}."),
    };

    private static JsonObject Image(string url) => new() { ["type"] = "image_url", ["image_url"] = new JsonObject { ["url"] = url } };

    private static JsonElement FirstChoice(JsonElement answer) =>
        answer.ValueKind == JsonValueKind.Object && answer.TryGetProperty("choices", out JsonElement choices)
        && choices.ValueKind == JsonValueKind.Array && choices.GetArrayLength() > 0 && choices[0].ValueKind == JsonValueKind.Object
            ? choices[0]
            : throw NoText(answer);

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

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static UsageDetails? Usage(JsonElement answer)
    {
        if (!answer.TryGetProperty("usage", out JsonElement usage) || usage.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        long? Count(string name) => usage.TryGetProperty(name, out JsonElement value) && value.TryGetInt64(out long count) ? count : null;
        return new UsageDetails { InputTokenCount = Count("prompt_tokens"), OutputTokenCount = Count("completion_tokens"), TotalTokenCount = Count("total_tokens") };
    }

    /// <summary>One event of a stream; null for events without a choice (usage, keep-alive).</summary>
    private static ChatResponseUpdate? Update(string data)
    {
        using JsonDocument document = JsonDocument.Parse(data);
        JsonElement root = document.RootElement.Clone();
        if (!root.TryGetProperty("choices", out JsonElement choices) || choices.ValueKind != JsonValueKind.Array || choices.GetArrayLength() == 0)
        {
            return null;
        }

        JsonElement choice = choices[0];
        string? text = choice.TryGetProperty("delta", out JsonElement delta) && delta.ValueKind == JsonValueKind.Object ? Text(delta, "content") : null;
        return new ChatResponseUpdate(ChatRole.Assistant, text)
        {
            MessageId = Text(root, "id") ?? "0",
            ResponseId = Text(root, "id"),
            ModelId = Text(root, "model"),
            FinishReason = Text(choice, "finish_reason") is { Length: > 0 } reason ? new ChatFinishReason(reason) : null,
            RawRepresentation = root,
        };
    }
}
