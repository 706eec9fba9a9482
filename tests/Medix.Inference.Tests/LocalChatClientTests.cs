using System.Text;
using System.Text.Json;
using Medix.Inference.Serving;
using Medix.Runs;
using Microsoft.Extensions.AI;
using SkiaSharp;

namespace Medix.Inference.Tests;

/// <summary>The chat client over the model that comes with the product.</summary>
public sealed class LocalChatClientTests : IDisposable
{
    private readonly LocalChatClient client = LocalChatClient.Open(Path.Combine(AppContext.BaseDirectory, "models", "nano"));

    public void Dispose() => client.Dispose();

    [Fact]
    public async Task An_answer_is_the_same_whole_and_in_parts()
    {
        ChatResponse whole = await client.GetResponseAsync([Question()], Limit(40), TestContext.Current.CancellationToken);
        List<ChatResponseUpdate> updates = await Updates(Limit(40));
        Assert.NotEmpty(whole.Text);
        Assert.True(updates.Count > 3, "the text did not come in parts");
        Assert.Equal(whole.Text, string.Concat(updates.Select(update => update.Text)));
        Assert.Equal(whole.FinishReason, updates[^1].FinishReason);
        Assert.Equal(whole.Usage!.OutputTokenCount, updates[^1].Contents.OfType<UsageContent>().Single().Details.OutputTokenCount);
    }

    [Fact]
    public async Task A_seed_decides_what_is_drawn()
    {
        string[] texts = await Task.WhenAll(((long[])[1, 1, 2, 3]).Select(async seed =>
            (await client.GetResponseAsync([Question()], new ChatOptions { Temperature = 1.5f, Seed = seed, MaxOutputTokens = 40 })).Text));
        Assert.Equal(texts[0], texts[1]);
        Assert.True(texts.Distinct().Count() > 1, "three seeds drew one text");
    }

    [Fact]
    public async Task A_schema_holds_the_answer()
    {
        const string Schema = """{"type":"object","properties":{"finding":{"enum":["nodule","none"]},"count":{"type":"integer"}},"required":["finding","count"]}""";
        ChatOptions options = Limit(60);
        options.ResponseFormat = ChatResponseFormat.ForJsonSchema(JsonDocument.Parse(Schema).RootElement);
        ChatResponse response = await client.GetResponseAsync([Question()], options, TestContext.Current.CancellationToken);
        using JsonDocument answer = JsonDocument.Parse(response.Text);
        Assert.Contains(answer.RootElement.GetProperty("finding").GetString(), (string[])["nodule", "none"]);
        Assert.Equal(JsonValueKind.Number, answer.RootElement.GetProperty("count").ValueKind);
    }

    [Fact]
    public async Task A_stop_sequence_is_never_shown()
    {
        string text = (await client.GetResponseAsync([Question()], Limit(40), TestContext.Current.CancellationToken)).Text;
        string stop = text[(text.Length / 2)..(text.Length / 2 + 3)];
        ChatOptions options = Limit(40);
        options.StopSequences = [stop];
        string expected = text[..text.IndexOf(stop, StringComparison.Ordinal)];
        Assert.Equal(expected, (await client.GetResponseAsync([Question()], options, TestContext.Current.CancellationToken)).Text);
        StringBuilder shown = new();
        foreach (ChatResponseUpdate update in await Updates(options))
        {
            shown.Append(update.Text);
            Assert.StartsWith(shown.ToString(), expected, StringComparison.Ordinal);
        }

        Assert.Equal(expected, shown.ToString());
    }

    [Theory]
    [InlineData(3)]
    [InlineData(300)]
    public async Task What_might_have_become_a_stop_sequence_is_shown_at_the_end(int tokens)
    {
        ChatResponse whole = await client.GetResponseAsync([Question()], Limit(tokens), TestContext.Current.CancellationToken);
        ChatOptions options = Limit(tokens);
        options.StopSequences = [whole.Text[^2..] + "\u0001"];
        Assert.Equal(whole.Text, (await client.GetResponseAsync([Question()], options, TestContext.Current.CancellationToken)).Text);
        List<ChatResponseUpdate> updates = await Updates(options);
        Assert.Equal(whole.Text, string.Concat(updates.Select(update => update.Text)));
        Assert.Equal(whole.FinishReason, updates[^1].FinishReason);
    }

    [Fact]
    public async Task Who_stops_reading_gives_the_place_up()
    {
        await foreach (ChatResponseUpdate _ in client.GetStreamingResponseAsync([Question()], Limit(3000), TestContext.Current.CancellationToken))
        {
            break;
        }

        for (int i = 0; client.Statistics.Cancelled + client.Statistics.Finished == 0 && i < 500; i++)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        Assert.Equal(0, client.Statistics.Live);
    }

    [Fact]
    public async Task A_picture_is_looked_at_once()
    {
        byte[] picture = Picture();
        ChatMessage Ask(string text) => new(ChatRole.User, [new DataContent(picture, "image/png"), new TextContent(text)]);
        await client.GetResponseAsync([Ask("What is this?")], Limit(2), TestContext.Current.CancellationToken);
        await client.GetResponseAsync([Ask("Which side is it on?")], Limit(2), TestContext.Current.CancellationToken);
        Assert.Equal(1, client.Statistics.ImagesEncoded);
        Assert.Equal(1, client.Statistics.ImagesReused);
    }

    [Fact]
    public async Task Log_probabilities_come_when_they_are_asked_for()
    {
        ChatOptions options = Limit(5);
        options.AdditionalProperties = new() { ["logprobs"] = true };
        ChatResponse response = await client.GetResponseAsync([Question()], options, TestContext.Current.CancellationToken);
        float[] raw = Assert.IsType<float[]>(response.AdditionalProperties!["raw_logprobs"]);
        Assert.Equal(response.Usage!.OutputTokenCount, raw.Length);
        Assert.All(raw, value => Assert.InRange(value, -50f, 0f));
    }

    [Fact]
    public async Task What_cannot_be_done_is_refused_before_any_work()
    {
        ChatOptions tools = new() { Tools = [new HostedWebSearchTool()] };
        ChatOptions both = new() { ResponseFormat = ChatResponseFormat.Json, AdditionalProperties = new() { ["regex"] = "a+" } };
        (ChatMessage Message, ChatOptions? Options, string Word)[] cases =
        [
            (new(ChatRole.User, [new UriContent("https://example.org/x.png", "image/png")]), null, "DataContent"),
            (new(ChatRole.User, [new DataContent(new byte[] { 1, 2, 3 }, "image/png") { Name = "scan.png" }]), null, "scan.png"),
            (Question(), tools, "tools"),
            (Question(), both, "regex"),
            (Question(), new ChatOptions { MaxOutputTokens = 1_000_000 }, "1000000"),
            (Question(), new ChatOptions { TopP = 2 }, "TopP"),
            (new(ChatRole.User, string.Join(' ', Enumerable.Repeat("nodule", 6000))), null, "exceed"),
        ];
        foreach ((ChatMessage message, ChatOptions? options, string word) in cases)
        {
            MedixException error = await Assert.ThrowsAsync<MedixException>(() => client.GetResponseAsync([message], options, TestContext.Current.CancellationToken));
            Assert.Contains(word, error.Message, StringComparison.Ordinal);
        }

        Assert.Equal(0, client.Statistics.PromptTokensComputed);
    }

    private static ChatMessage Question() => new(ChatRole.User, "Is there a nodule?");

    private static ChatOptions Limit(int tokens) => new() { MaxOutputTokens = tokens };

    private async Task<List<ChatResponseUpdate>> Updates(ChatOptions options)
    {
        List<ChatResponseUpdate> updates = [];
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync([Question()], options, TestContext.Current.CancellationToken))
        {
            updates.Add(update);
        }

        return updates;
    }

    private static byte[] Picture()
    {
        using SKBitmap bitmap = new(128, 128);
        bitmap.Erase(SKColors.Gray);
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }
}
