using Medix.Inference.Generation;
using Medix.Inference.Qwen3VL;
using Medix.Inference.Serving;
using Medix.Runs;
using Medix.Text;
using static Medix.Inference.Tests.ServingTestKit;

namespace Medix.Inference.Tests;

/// <summary>Requests that come and go.</summary>
public class ServingServerTests
{
    private static readonly ModelInput[] Inputs =
    [
        RandomModels.WithImage(9, 4, 6, 1), RandomModels.Text(230, 2), RandomModels.Text(1, 3), RandomModels.WithImage(110, 8, 2, 5),
        RandomModels.Text(97, 6), RandomModels.Text(96, 7), RandomModels.WithImage(9, 4, 6, 1),
    ];

    [Theory]
    [InlineData(1, 16, 256, true)]
    [InlineData(2, 16, 256, false)]
    [InlineData(2, 3, 5, true)]
    [InlineData(2, 1, 64, true)]
    [InlineData(3, 5, 1, true)]
    public async Task Completions_are_those_of_the_generator_whatever_the_company(int threads, int maxLive, int chunk, bool caches)
    {
        using Qwen3VLModel alone = RandomModels.Create(1), together = RandomModels.Create(threads);
        ServerOptions options = (caches ? new ServerOptions() : NoCaches) with { MaxLive = maxLive, PromptChunk = chunk };
        using GenerationServer server = new(together, options);
        Task<Completion>[] tasks = [.. Enumerable.Range(0, 21).Select(i => server.GenerateAsync(Inputs[i % 7], Each(i), (ulong)i, Token))];
        for (int i = 0; i < tasks.Length; i++)
        {
            AssertSame(Alone(alone, Inputs[i % 7], Each(i), (ulong)i), await tasks[i]);
        }

        ServerStatistics after = server.Statistics;
        Assert.Equal((21, 0, 0, 0, 0, 0), (after.Finished, after.Failed, after.Cancelled, after.Live, after.Computing, after.Waiting));
        Assert.Equal(after.PagesCached, after.PagesUsed);
        Assert.Equal(tasks.Sum(task => task.Result.Tokens.Length), after.TokensGenerated);

        static SamplingOptions Each(int i) => Sampling with { MaxNewTokens = 1 + (i * 17 % 90), Temperature = i % 3 };
    }

    [Fact]
    public async Task A_stream_gives_the_same_tokens_one_by_one()
    {
        using Qwen3VLModel model = RandomModels.Create(2);
        Completion expected = Alone(model, Inputs[0], Sampling with { WithRawLogProbs = true }, 5);
        using GenerationServer server = new(model);
        List<GeneratedToken> tokens = await ReadAsync(server.StreamAsync(Inputs[0], Sampling with { WithRawLogProbs = true }, 5, Token));
        Assert.Equal(expected.Tokens, tokens.Select(token => token.Id));
        Assert.Equal(expected.LogProbs, tokens.Select(token => token.LogProb));
        Assert.Equal(expected.SampledLogProbs, tokens.Select(token => token.SampledLogProb));
        Assert.Equal(expected.RawLogProbs!, tokens.Select(token => token.RawLogProb));
        Assert.All(tokens[..^1], token => Assert.Null(token.FinishReason));
        Assert.Equal(FinishReason.Length, tokens[^1].FinishReason);
        Assert.All(tokens, token => Assert.Null(token.TextBytes));
    }

    [Fact]
    public async Task A_stream_with_stop_strings_says_which_text_is_certain()
    {
        TokenVocabulary vocabulary = new(Enumerable.Range(0, RandomModels.Vocabulary).Select(id => new[] { (byte)('a' + (id % 20)) }));
        using Qwen3VLModel model = RandomModels.Create(2);
        SamplingOptions free = Sampling with { MaxNewTokens = 40 };
        string text = Alone(model, Inputs[1], free, 1).Text(vocabulary);
        SamplingOptions stopping = free with { StopStrings = [text[10..13]] };
        Completion expected = Alone(model, Inputs[1], stopping, 1, vocabulary);
        using GenerationServer server = new(model, null, vocabulary);
        List<GeneratedToken> tokens = await ReadAsync(server.StreamAsync(Inputs[1], stopping, 1, Token));
        Assert.Equal(expected.Tokens, tokens.Select(token => token.Id));
        Assert.Equal(FinishReason.StopString, tokens[^1].FinishReason);
        Assert.Equal(expected.TextBytes, tokens[^1].TextBytes);
        Assert.All(tokens.Index(), token => Assert.InRange(token.Item.TextBytes!.Value, 0, Math.Min(token.Index + 1, expected.TextBytes!.Value)));
    }

    [Fact]
    public async Task A_long_prompt_does_not_hold_up_the_live_draws()
    {
        using Qwen3VLModel model = RandomModels.Create(2);
        using GenerationServer server = new(model, new ServerOptions { PromptChunk = 16 });
        List<ServerStatistics> steps = [];
        using ManualResetEventSlim both = new();
        server.AfterStep = () =>
        {
            steps.Add(server.Statistics);
            if (server.Statistics.Live == 1)
            {
                both.Wait(Token); // the first draw must not end before the second request is there
            }
        };
        TaskCompletionSource begun = new();
        Task reading = Task.Run(async () =>
        {
            await foreach (GeneratedToken _ in server.StreamAsync(Inputs[2], Sampling with { MaxNewTokens = 400 }, 1, Token))
            {
                begun.TrySetResult();
            }
        }, Token);
        await begun.Task.WaitAsync(Token);
        Task<Completion> second = server.GenerateAsync(Inputs[1], Sampling with { MaxNewTokens = 1 }, 2, Token);
        both.Set();
        await second;
        await reading;
        ServerStatistics[] mixed = [.. steps.Where(step => step is { Computing: 1, Live: 1 })];
        Assert.Equal(230 / 16, mixed.Length);
        Assert.All(mixed.Zip(mixed.Skip(1)), pair => Assert.Equal(pair.First.TokensGenerated + 1, pair.Second.TokensGenerated));
        Assert.All(mixed.Zip(mixed.Skip(1)), pair => Assert.Equal(pair.First.PromptTokensComputed + 16, pair.Second.PromptTokensComputed));
    }

    [Fact]
    public async Task What_does_not_fit_is_refused_before_any_work()
    {
        using Qwen3VLModel model = RandomModels.Create(1);
        long page = model.Decoder.Pages.PageBytes;
        using GenerationServer server = new(model, new ServerOptions { ContextLimit = 300, KeyValueBytes = 2 * page });
        MedixException context = await Assert.ThrowsAsync<MedixException>(() => server.GenerateAsync(Inputs[1], Sampling with { MaxNewTokens = 71 }, 1, Token));
        Assert.Contains("230 tokens and 71 new ones exceed the server's limit of 300", context.Message, StringComparison.Ordinal);
        MedixException memory = await Assert.ThrowsAsync<MedixException>(() => server.GenerateAsync(Inputs[1], Sampling, 1, Token));
        Assert.Contains("KeyValueBytes", memory.Message, StringComparison.Ordinal);
        MedixException positions = await Assert.ThrowsAsync<MedixException>(() => server.GenerateAsync(Inputs[1], Sampling with { MaxNewTokens = 300 }, 1, Token));
        Assert.Contains("512 positions", positions.Message, StringComparison.Ordinal);
        MedixException token = await Assert.ThrowsAsync<MedixException>(() => ReadAsync(server.StreamAsync(new ModelInput([5, 999], [], []), Sampling, 1, Token)));
        Assert.Contains("token 999 at 1", token.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<MedixException>(() => server.GenerateAsync(Inputs[2], Sampling with { TopP = 2 }, 1, Token));
        Assert.Equal((0, 0), (server.Statistics.PromptTokensComputed, server.Statistics.Failed));
        await server.GenerateAsync(Inputs[2], Sampling with { MaxNewTokens = 191 }, 1, Token);
    }

    [Fact]
    public void Options_are_refused_with_every_reason()
    {
        using Qwen3VLModel model = RandomModels.Create(1);
        ServerOptions bad = new() { MaxLive = 0, MaxWaiting = -1, PromptChunk = 0, ContextLimit = 1, KeyValueBytes = 5, PrefixBytes = -1, ImageBytes = -1 };
        string message = Assert.Throws<MedixException>(() => new GenerationServer(model, bad)).Message;
        Assert.All(["MaxLive", "MaxWaiting", "PromptChunk", "ContextLimit", "KeyValueBytes", "PrefixBytes", "ImageBytes"],
            name => Assert.Contains(name + " is ", message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_full_queue_refuses_the_next_request_and_only_that()
    {
        using Qwen3VLModel model = RandomModels.Create(1);
        using GenerationServer server = new(model, new ServerOptions { MaxLive = 1, MaxWaiting = 2 });
        using ManualResetEventSlim hold = new();
        TaskCompletionSource held = new();
        server.AfterStep = () =>
        {
            if (server.Statistics.Live == 1)
            {
                held.TrySetResult();
                hold.Wait(Token);
            }
        };
        Task<Completion> live = server.GenerateAsync(Inputs[2], Sampling, 1, Token);
        await held.Task.WaitAsync(Token);
        Task<Completion>[] waiting = [.. Enumerable.Range(0, 2).Select(i => server.GenerateAsync(Inputs[2], Sampling, (ulong)i, Token))];
        ServerBusyException busy = await Assert.ThrowsAsync<ServerBusyException>(() => server.GenerateAsync(Inputs[2], Sampling, 9, Token));
        Assert.Contains("2 requests wait", busy.Message, StringComparison.Ordinal);
        Assert.Equal(2, server.Statistics.Waiting);
        hold.Set();
        await Task.WhenAll([live, .. waiting]);
    }

    [Fact]
    public async Task Weights_can_change_between_requests_and_the_caches_forget_the_old_ones()
    {
        using Qwen3VLModel model = RandomModels.Create(2), same = RandomModels.Create(1), other = RandomModels.Create(1, seed: 2);
        Dictionary<string, float[]> parameters = RandomModels.Parameters(RandomModels.Seeing, 2);
        using GenerationServer server = new(model);
        TaskCompletionSource live = new();
        server.AfterStep = () => _ = server.Statistics.Live == 0 || live.TrySetResult();
        Task<Completion> before = server.GenerateAsync(Inputs[3], Sampling, 4, Token);
        await live.Task.WaitAsync(Token);
        await server.ChangeModelAsync(changed => changed.UpdateWeights((name, start, values) => parameters[name].AsSpan((int)start, values.Length).CopyTo(values)), Token);
        AssertSame(Alone(same, Inputs[3], Sampling, 4), await before);
        Assert.Equal(0, (await AfterAsync()).PromptTokensReused);
        await Assert.ThrowsAsync<FormatException>(() => server.ChangeModelAsync(_ => throw new FormatException(), Token));
        Assert.Equal(96, (await AfterAsync()).PromptTokensReused);

        async Task<ServerStatistics> AfterAsync()
        {
            AssertSame(Alone(other, Inputs[3], Sampling, 4), await server.GenerateAsync(Inputs[3], Sampling, 4, Token));
            return server.Statistics;
        }
    }
}
