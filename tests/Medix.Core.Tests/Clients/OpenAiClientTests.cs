using System.Net;
using System.Text.Json;
using Medix.Clients;
using Microsoft.Extensions.AI;

namespace Medix.Core.Tests.Clients;

public class OpenAiClientTests
{
    private static readonly EndpointOptions Endpoint = new() { Url = "http://model.test/v1/", Model = "m", Retries = 0 };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_carries_text_image_and_options()
    {
        FakeEndpoint endpoint = new((_, _) => FakeEndpoint.Reply("\"no effusion\""));
        using HttpClient http = EndpointHttp.Create(Endpoint, endpoint);
        OpenAiChatClient client = new(http, "m");
        ChatMessage message = new(ChatRole.User, [new TextContent("Effusion?"), new DataContent(new byte[] { 1, 2, 3 }, "image/png")]);
        ChatOptions options = new()
        {
            Temperature = 0, MaxOutputTokens = 16, Seed = 7, StopSequences = ["x"], AdditionalProperties = new() { ["logprobs"] = true },
        };
        ChatResponse response = await client.GetResponseAsync([new ChatMessage(ChatRole.System, "Short."), message], options, Token);

        Assert.Equal("no effusion", response.Text);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        using JsonDocument body = JsonDocument.Parse(Assert.Single(endpoint.Bodies));
        JsonElement root = body.RootElement;
        Assert.Equal("Short.", root.GetProperty("messages")[0].GetProperty("content").GetString());
        JsonElement image = root.GetProperty("messages")[1].GetProperty("content")[1];
        Assert.Equal("data:image/png;base64,AQID", image.GetProperty("image_url").GetProperty("url").GetString());
        Assert.Equal((0, 16, 7), (root.GetProperty("temperature").GetDouble(), root.GetProperty("max_tokens").GetInt32(), root.GetProperty("seed").GetInt32()));
        Assert.True(root.GetProperty("logprobs").GetBoolean());
        Assert.Equal("x", root.GetProperty("stop")[0].GetString());
    }

    [Fact]
    public async Task A_stream_is_read_to_its_end()
    {
        const string events = """
            data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant"}}]}

            data: {"id":"c","choices":[{"index":0,"delta":{"content":"no "}}]}

            : keep-alive

            data: {"id":"c","choices":[{"index":0,"delta":{"content":"effusion"},"finish_reason":"stop"}]}

            data: {"id":"c","choices":[],"usage":{"total_tokens":3}}

            data: [DONE]

            data: {"id":"c","choices":[{"index":0,"delta":{"content":"never"}}]}

            """;
        FakeEndpoint endpoint = new((_, _) => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(events) });
        using HttpClient http = EndpointHttp.Create(Endpoint, endpoint);
        OpenAiChatClient client = new(http, "m");
        string text = "";
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync([new ChatMessage(ChatRole.User, "Effusion?")], null, Token))
        {
            text += update.Text;
        }

        Assert.Equal("no effusion", text);
    }

    [Fact]
    public async Task The_key_comes_from_the_environment()
    {
        Environment.SetEnvironmentVariable("MEDIX_TEST_ENDPOINT_KEY", "k1");
        string? authorization = null;
        using HttpClient http = EndpointHttp.Create(Endpoint with { KeyVariable = "MEDIX_TEST_ENDPOINT_KEY" }, new HeaderSpy(value => authorization = value));
        await new OpenAiChatClient(http, "m").GetResponseAsync([new ChatMessage(ChatRole.User, "x")], null, Token);
        Assert.Equal("Bearer k1", authorization);
    }

    [Fact]
    public async Task Embeddings_are_asked_in_batches_and_sorted_by_index()
    {
        FakeEndpoint endpoint = new((body, _) =>
        {
            using JsonDocument document = JsonDocument.Parse(body);
            string[] texts = [.. document.RootElement.GetProperty("input").EnumerateArray().Select(text => text.GetString()!)];
            IEnumerable<string> items = texts.Select((text, i) => $$"""{"index":{{i}},"embedding":[{{text}},1]}""").Reverse();
            return FakeEndpoint.Json($$"""{"data":[{{string.Join(',', items)}}]}""");
        });
        using HttpClient http = EndpointHttp.Create(Endpoint, endpoint);
        string[] texts = [.. Enumerable.Range(0, 150).Select(i => $"{i}")];
        GeneratedEmbeddings<Embedding<float>> embeddings = await new OpenAiEmbeddingClient(http, "e").GenerateAsync(texts, null, Token);
        Assert.Equal(texts.Select(float.Parse), embeddings.Select(embedding => embedding.Vector.Span[0]));
        Assert.Equal(3, endpoint.Calls);
    }

    [Theory]
    [InlineData("""{"data":[]}""")]
    [InlineData("""{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}""")]
    [InlineData("""{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]}""")]
    [InlineData("""{"data":[{"index":0,"embedding":[1]},{"index":7,"embedding":[1]}]}""")]
    [InlineData("""{"data":[{"index":0,"embedding":["a"]},{"index":1,"embedding":[1]}]}""")]
    [InlineData("""{"data":[1,2]}""")]
    [InlineData("[]")]
    public async Task An_answer_that_is_not_one_vector_a_text_is_an_error(string body)
    {
        using HttpClient http = EndpointHttp.Create(Endpoint, new FakeEndpoint((_, _) => FakeEndpoint.Json(body)));
        await Assert.ThrowsAsync<InvalidDataException>(() => new OpenAiEmbeddingClient(http, "e").GenerateAsync(["a", "b"], null, Token));
    }

    [Fact]
    public void Every_problem_of_an_endpoint_is_told_at_once()
    {
        EndpointOptions options = new()
        {
            Url = "localhost:80", Model = " ", KeyVariable = "MEDIX_NO_SUCH_VARIABLE", TimeoutSeconds = 0, Retries = -1, RetryDelaySeconds = 99,
        };
        Assert.Equal(6, options.Problems("judge").Count);
        Assert.Empty(Endpoint.Problems("judge"));
    }

    private sealed class HeaderSpy(Action<string?> see) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            see(request.Headers.Authorization?.ToString());
            return Task.FromResult(FakeEndpoint.Reply("\"x\""));
        }
    }
}
