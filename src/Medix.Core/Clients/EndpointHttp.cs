using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Http.Resilience;
using Polly;

namespace Medix.Clients;

/// <summary>HTTP to an OpenAI-compatible endpoint: address, key, timeout of each try, retries with backoff, bounded answers.</summary>
public static class EndpointHttp
{
    private const int MaxAnswerBytes = 64 << 20;
    private const int MaxErrorCharacters = 300;

    /// <summary>
    /// A client for the endpoint; the caller disposes it. <paramref name="handler"/> stands in for the network in tests, <paramref name="time"/> for the
    /// clock of timeouts and delays.
    /// </summary>
    public static HttpClient Create(EndpointOptions options, HttpMessageHandler? handler = null, TimeProvider? time = null)
    {
        ResiliencePipelineBuilder<HttpResponseMessage> pipeline = new() { TimeProvider = time ?? TimeProvider.System };
        if (options.Retries > 0)
        {
            pipeline.AddRetry(new HttpRetryStrategyOptions
            {
                MaxRetryAttempts = options.Retries,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Delay = TimeSpan.FromSeconds(options.RetryDelaySeconds),
                ShouldRetryAfterHeader = true,
            });
        }

        pipeline.AddTimeout(TimeSpan.FromSeconds(options.TimeoutSeconds));
        ResilienceHandler resilience = new(pipeline.Build()) { InnerHandler = handler ?? new SocketsHttpHandler() };
        HttpClient client = new(resilience)
        {
            BaseAddress = new Uri(options.Url.TrimEnd('/') + "/"),
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = MaxAnswerBytes,
        };
        if (options.KeyVariable is not null && Environment.GetEnvironmentVariable(options.KeyVariable) is string key)
        {
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }

        return client;
    }

    /// <summary>
    /// Posts a JSON body and returns the JSON answer. A status other than success is an <see cref="HttpRequestException"/> with the status and the start
    /// of the endpoint's own message.
    /// </summary>
    internal static async Task<JsonElement> PostAsync(HttpClient http, string path, JsonObject body, CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await http.PostAsJsonAsync(path, body, cancellationToken).ConfigureAwait(false);
        await EnsureSuccessAsync(response, cancellationToken).ConfigureAwait(false);
        return await response.Content.ReadFromJsonAsync<JsonElement>(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Throws for a status other than success, with the start of the answer's text.</summary>
    internal static async Task EnsureSuccessAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.IsSuccessStatusCode)
        {
            return;
        }

        string text = await response.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false);
        string shown = text.Length <= MaxErrorCharacters ? text : text[..MaxErrorCharacters] + "…";
        HttpStatusCode status = response.StatusCode;
        throw new HttpRequestException(shown.Length > 0 ? shown : status.ToString(), null, status);
    }

    /// <summary>A property of an element that may be no object, or null.</summary>
    internal static JsonElement? Property(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement value) ? value : null;

    /// <summary>A text property, or null.</summary>
    internal static string? Text(JsonElement element, string name) =>
        Property(element, name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    /// <summary>An integer property, or null.</summary>
    internal static long? Integer(JsonElement element, string name) =>
        Property(element, name) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt64(out long integer) ? integer : null;
}
