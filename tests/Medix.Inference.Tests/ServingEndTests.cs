using Medix.Inference.Generation;
using Medix.Inference.Generation.Constraints;
using Medix.Inference.Qwen3VL;
using Medix.Inference.Serving;
using Medix.Runs;
using Medix.Text;
using Medix.Weights;
using static Medix.Inference.Tests.ServingTestKit;

namespace Medix.Inference.Tests;

/// <summary>Requests that do not end as they should: cancelled, failed, or with the server.</summary>
public class ServingEndTests
{
    private static readonly ModelInput Input = RandomModels.WithImage(150, 8, 6, 2);

    /// <summary>A model with room for <see cref="Endless"/>.</summary>
    private static readonly Qwen3VLConfig Roomy = RandomModels.Seeing with { Text = RandomModels.Seeing.Text with { MaxPositions = 1 << 15 } };

    /// <summary>More tokens than are drawn before a test's next line, however busy the machine.</summary>
    private static readonly SamplingOptions Endless = Sampling with { MaxNewTokens = 20_000 };

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    public async Task Cancellation_frees_the_place_and_the_memory(int live, int computing)
    {
        using Qwen3VLModel model = RandomModels.Create(2);
        using GenerationServer server = new(model, NoCaches with { MaxLive = 1, PromptChunk = 4 });
        using CancellationTokenSource source = new();
        server.AfterStep = () =>
        {
            if (server.Statistics.Live >= live && server.Statistics.Computing >= computing && server.Statistics.PromptTokensComputed > 20)
            {
                source.Cancel();
            }
        };
        Task<Completion> cancelled = server.GenerateAsync(Input, Sampling, 1, source.Token), next = server.GenerateAsync(Input, Sampling, 2, Token);
        OperationCanceledException e = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Assert.Equal(source.Token, e.CancellationToken);
        Completion done = await next;
        Assert.Equal((1, 1, 0, 0L), (server.Statistics.Cancelled, server.Statistics.Finished, server.Statistics.PagesUsed, server.Statistics.ImageBytes));
        AssertSame(done, Alone(model, Input, Sampling, 2));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => server.GenerateAsync(Input, Sampling, 1, source.Token));
    }

    [Fact]
    public async Task Cancellation_takes_a_request_out_of_the_queue()
    {
        using Qwen3VLModel model = RandomModels.Create(1);
        using GenerationServer server = new(model, NoCaches with { MaxLive = 1 });
        using CancellationTokenSource source = new();
        Task<Completion> live = server.GenerateAsync(Input, Sampling with { MaxNewTokens = 300 }, 1, Token);
        Task<Completion>[] waiting = [.. Enumerable.Range(0, 5).Select(i => server.GenerateAsync(Input, Sampling, 1, i == 2 ? source.Token : Token))];
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting[2]);
        Assert.False(waiting[4].IsCompleted);
        await Task.WhenAll([live, .. waiting.Where((_, i) => i != 2)]);
        Assert.Equal((6 - 1, 1), (server.Statistics.Finished, server.Statistics.Cancelled));
    }

    [Fact]
    public async Task A_reader_that_stops_cancels_its_request()
    {
        using Qwen3VLModel model = RandomModels.Create(2, Roomy);
        using GenerationServer server = new(model, NoCaches);
        await foreach (GeneratedToken _ in server.StreamAsync(Input, Endless, 1, Token))
        {
            break;
        }

        await server.ChangeModelAsync(_ => { }, Token);
        Assert.Equal((1, 0, 0), (server.Statistics.Cancelled, server.Statistics.Finished, server.Statistics.PagesUsed));
    }

    [Fact]
    public async Task Disposing_ends_what_is_live_and_what_waits_and_gives_everything_back()
    {
        using Qwen3VLModel model = RandomModels.Create(2, Roomy);
        GenerationServer server = new(model, new ServerOptions { MaxLive = 2 });
        await server.GenerateAsync(Input, Sampling with { MaxNewTokens = 2 }, 1, Token);
        Task<Completion>[] tasks = [.. Enumerable.Range(0, 5).Select(i => server.GenerateAsync(Input, Endless, (ulong)i, Token))];
        Task<List<GeneratedToken>> reading = ReadAsync(server.StreamAsync(Input, Endless, 9, Token));
        await server.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => reading);
        foreach (Task<Completion> task in tasks)
        {
            await Assert.ThrowsAsync<ObjectDisposedException>(() => task);
        }

        await Assert.ThrowsAsync<ObjectDisposedException>(() => server.GenerateAsync(Input, Sampling, 1, Token));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => server.ChangeModelAsync(_ => { }, Token));
        Assert.Equal(0, model.Decoder.Pages.Used);
        server.Dispose();
        AssertSame(Alone(RandomModels.Create(1, Roomy), Input, Sampling, 1), Alone(model, Input, Sampling, 1));
    }

    [Theory]
    [InlineData("é")]
    [InlineData("[A-C]{7}é")]
    public async Task A_draw_that_fails_does_not_take_its_neighbours_along(string impossible)
    {
        TokenVocabulary vocabulary = new(Enumerable.Range(0, RandomModels.Vocabulary).Select(id => new[] { (byte)id }));
        using Qwen3VLModel model = RandomModels.Create(2, RandomModels.Seeing with { EosTokenIds = [89] });
        using GenerationServer server = new(model, NoCaches, vocabulary);
        SamplingOptions broken = Sampling with { Constraint = OutputConstraint.Regex(impossible) };
        Task<Completion> good = server.GenerateAsync(Input, Sampling, 1, Token), bad = server.GenerateAsync(Input, broken, 2, Token);
        Assert.Contains("No token of the vocabulary", (await Assert.ThrowsAsync<MedixException>(() => bad)).Message, StringComparison.Ordinal);
        Completion done = await good;
        Assert.Equal((1, 1, 0), (server.Statistics.Failed, server.Statistics.Finished, server.Statistics.PagesUsed));
        AssertSame(done, Alone(model, Input, Sampling, 1));
        BatchedGenerator generator = new(model, 4, vocabulary);
        Assert.Throws<MedixException>(() => generator.Generate([new GenerationRequest(Input, [2])], broken, null, Token));
    }

    [Fact]
    public async Task A_failing_engine_fails_the_requests_and_serves_the_next_ones()
    {
        using Qwen3VLModel model = RandomModels.Create(2);
        using GenerationServer server = new(model);
        Dictionary<string, float[]> parameters = RandomModels.Parameters(RandomModels.Seeing, 1);
        await server.ChangeModelAsync(changed => changed.UpdateWeights((_, _, values) => values.Fill(float.NaN)), Token);
        Task<Completion>[] tasks = [.. Enumerable.Range(0, 4).Select(i => server.GenerateAsync(Input, Sampling, (ulong)i, Token))];
        foreach (Task<Completion> task in tasks)
        {
            Assert.Contains("weights are damaged", (await Assert.ThrowsAsync<MedixException>(() => task)).Message, StringComparison.Ordinal);
        }

        await server.ChangeModelAsync(changed => changed.UpdateWeights((name, start, values) => parameters[name].AsSpan((int)start, values.Length).CopyTo(values)), Token);
        AssertSame(Alone(RandomModels.Create(1), Input, Sampling, 1), await server.GenerateAsync(Input, Sampling, 1, Token));
        Assert.Equal(4, server.Statistics.Failed);
    }
}
