using System.Text.Json;
using Medix.Inference.Generation;
using Medix.Inference.Generation.Constraints;
using Medix.Inference.Generation.Speculation;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Inference.Serving;
using Medix.Runs;
using Medix.Text;
using Medix.Weights;
using static Medix.Inference.Tests.ServingTestKit;

namespace Medix.Inference.Tests;

/// <summary>A draw that is alone, several tokens per pass.</summary>
public class ServingSpeculationTests
{
    private const int Page = KvPages.Positions;
    private static readonly SamplingOptions Greedy = new(MaxNewTokens: 100, Temperature: 0);
    private static readonly ServerOptions On = NoCaches with { Speculation = ServingPlays.Eager }, Off = NoCaches with { Speculation = null };
    private static readonly TokenVocabulary Bytes = new(Enumerable.Range(0, RandomModels.Vocabulary).Select(id => new[] { (byte)id }));

    [Theory]
    [InlineData(WeightStorage.Fp32, KeyValueStorage.Fp32, 1, false)]
    [InlineData(WeightStorage.Fp32, KeyValueStorage.Int8, 2, false)]
    [InlineData(WeightStorage.Bf16, KeyValueStorage.Fp16, 2, false)]
    [InlineData(WeightStorage.Q8, KeyValueStorage.Fp32, 3, false)]
    [InlineData(WeightStorage.Q4, KeyValueStorage.Int8, 1, false)]
    [InlineData(WeightStorage.Q4K, KeyValueStorage.Fp16, 2, false)]
    [InlineData(WeightStorage.Fp32, KeyValueStorage.Fp32, 2, true)]
    [InlineData(WeightStorage.Q8, KeyValueStorage.Int8, 2, true)]
    public async Task Completions_do_not_depend_on_guesses_nor_on_who_joins_and_leaves(WeightStorage storage, KeyValueStorage keysAndValues, int threads, bool sparse)
    {
        SeededRandom random = Seed.Random((ulong)storage, (ulong)keysAndValues);
        for (ulong round = 0; round < 3; round++)
        {
            Qwen3VLConfig config = ServingPlays.Model(random, sparse);
            using Qwen3VLModel alone = RandomModels.Create(1, config, round, storage, keysAndValues);
            using Qwen3VLModel model = RandomModels.Create(threads, config, round, storage, keysAndValues);
            ServingPlay[] plays = ServingPlays.Random(random, 10);
            Completion[] expected = [.. plays.Select(play => Alone(alone, play.Input, play.Options, play.Seed, ServingPlays.Letters))];
            int maxLive = random.NextInt(1, 5), chunk = random.NextInt(5, 100);
            foreach (PromptLookupOptions? speculation in (PromptLookupOptions?[])[null, new(), ServingPlays.Eager])
            {
                using (GenerationServer server = new(model, new ServerOptions { MaxLive = maxLive, PromptChunk = chunk, Speculation = speculation }, ServingPlays.Letters))
                {
                    Completion?[] actual = await ServingPlays.RunAsync(server, plays);
                    foreach ((Completion wanted, Completion? got) in expected.Zip(actual).Where(pair => pair.Second is not null))
                    {
                        SpeculationModels.AssertSame(wanted, got!);
                        Assert.Equal((wanted.StopString, wanted.TextBytes), (got!.StopString, got.TextBytes));
                    }

                    ServerStatistics after = server.Statistics;
                    Assert.Equal((0, after.PagesCached), (after.Failed, after.PagesUsed));
                    Assert.Equal(plays.Length, after.Finished + after.Cancelled);
                    Assert.True(speculation != ServingPlays.Eager || (after.TokensAccepted > 0 && after.TokensGuessed > after.TokensAccepted), after.ToString());
                    Assert.True(speculation is not null || after.TokensGuessed == 0, after.ToString());
                }

                Assert.Equal(0, model.Decoder.Pages.Used);
            }
        }
    }

    [Fact]
    public async Task Output_held_to_a_schema_is_the_same_and_valid()
    {
        const string schema = """
            {"type":"array","minItems":4,"maxItems":6,"items":{"type":"object","required":["finding","side"],"additionalProperties":false,
            "properties":{"finding":{"enum":["none","mass"]},"side":{"enum":["left","right"]}}}}
            """;
        using Qwen3VLModel model = RandomModels.Create(2, ConstraintCases.Model);
        using GenerationServer server = new(model, On, ConstraintCases.Vocabulary), plain = new(RandomModels.Create(1, ConstraintCases.Model), Off, ConstraintCases.Vocabulary);
        for (ulong seed = 0; seed < 4; seed++)
        {
            SamplingOptions options = new(400, seed % 2) { Constraint = OutputConstraint.JsonSchema(schema) };
            Completion completion = await server.GenerateAsync(RandomModels.Text(40, seed), options, seed, Token);
            AssertSame(await plain.GenerateAsync(RandomModels.Text(40, seed), options, seed, Token), completion);
            Assert.Equal(FinishReason.Stop, completion.FinishReason);
            using JsonDocument answer = JsonDocument.Parse(completion.Text(ConstraintCases.Vocabulary));
            Assert.InRange(answer.RootElement.GetArrayLength(), 4, 6);
        }

        Assert.True(server.Statistics.TokensAccepted > 100, server.Statistics.ToString());
        Assert.True(server.Statistics.DecodePasses < plain.Statistics.DecodePasses - 100);
    }

    /// <summary>The request has exactly the pages it needs, and the limit comes at any place of a guess.</summary>
    [Fact]
    public async Task A_limit_of_tokens_ends_a_guess_within_the_pages_that_were_promised()
    {
        using Qwen3VLModel alone = RandomModels.Create(1), model = RandomModels.Create(2);
        using GenerationServer server = new(model, On with { KeyValueBytes = model.Decoder.Pages.PageBytes });
        for (int tokens = 1; tokens < 60; tokens++)
        {
            (ModelInput input, SamplingOptions options) = (SpeculationModels.Repeating(Page - tokens, 4), Greedy with { MaxNewTokens = tokens });
            Completion completion = await server.GenerateAsync(input, options, 1, Token);
            AssertSame(Alone(alone, input, options, 1), completion);
            Assert.Equal((tokens, FinishReason.Length), (completion.Tokens.Length, completion.FinishReason));
        }

        Assert.Equal(model.Decoder.Pages.PageBytes, model.Decoder.Pages.Bytes);
        ServerStatistics after = server.Statistics;
        Assert.True(after.TokensAccepted > 100, after.ToString());
        Assert.Equal(after.TokensGenerated, after.Finished + after.DecodePasses + after.TokensAccepted);
    }

    [Fact]
    public async Task A_guess_over_a_page_s_end_takes_its_page_from_the_cache_and_leaves_shared_ones_alone()
    {
        using Qwen3VLModel alone = RandomModels.Create(1), model = RandomModels.Create(2);
        using GenerationServer server = new(model, new ServerOptions { Speculation = ServingPlays.Eager, KeyValueBytes = 4 * model.Decoder.Pages.PageBytes });
        SamplingOptions options = Greedy with { MaxNewTokens = Page + 20 };
        for (int i = 0; i < 12; i++)
        {
            ModelInput input = SpeculationModels.Repeating((2 * Page) - (i % 3), 4 + (ulong)(i / 6));
            AssertSame(Alone(alone, input, options with { Temperature = i % 2 }, 1), await server.GenerateAsync(input, options with { Temperature = i % 2 }, 1, Token));
        }

        Assert.Equal(4 * model.Decoder.Pages.PageBytes, model.Decoder.Pages.Bytes);
        ServerStatistics after = server.Statistics;
        Assert.True(after.PromptTokensReused > 0 && after.TokensAccepted > 0 && after.TokensGuessed > after.TokensAccepted, after.ToString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_stream_has_the_same_tokens_and_says_the_same_of_each(bool stopping)
    {
        Qwen3VLConfig config = RandomModels.Seeing with { EosTokenIds = stopping ? [] : [17] };
        using Qwen3VLModel model = RandomModels.Create(2, config), other = RandomModels.Create(1, config);
        using GenerationServer server = new(model, On, Bytes), plain = new(other, Off, Bytes);
        int stopped = 0;
        foreach (ModelInput input in SpeculationModels.Inputs)
        {
            string text = (await plain.GenerateAsync(input, Greedy, 1, Token)).Text(Bytes);
            SamplingOptions options = Greedy with { WithRawLogProbs = true, StopStrings = stopping ? [text[^9..^5], text[..2] + "\u0001"] : [] };
            List<GeneratedToken> expected = await ReadAsync(plain.StreamAsync(input, options, 1, Token)), actual = await ReadAsync(server.StreamAsync(input, options, 1, Token));
            Assert.Equal(expected, actual);
            stopped += actual[^1].FinishReason == FinishReason.Length ? 0 : 1;
        }

        Assert.True(stopping ? stopped == SpeculationModels.Inputs.Count : stopped > 0, $"{stopped} stopped");
        Assert.True(server.Statistics.TokensAccepted > 20, server.Statistics.ToString());
    }

    [Fact]
    public async Task An_end_token_among_the_guesses_ends_the_completion()
    {
        using Qwen3VLModel free = RandomModels.Create(1);
        ModelInput input = SpeculationModels.Inputs[2];
        int[] tokens = Alone(free, input, Greedy, 1).Tokens;
        for (int i = 0; i < tokens.Length; i += 7)
        {
            Qwen3VLConfig config = RandomModels.Seeing with { EosTokenIds = [tokens[i]] };
            ModelInput telling = Join(input, [.. tokens[..(i + 1)], .. input.Tokens]);
            using Qwen3VLModel model = RandomModels.Create(2, config), alone = RandomModels.Create(1, config);
            using GenerationServer server = new(model, On with { PrefixBytes = null });
            AssertSame(Alone(alone, telling, Greedy, 1), await server.GenerateAsync(telling, Greedy, 1, Token));
            AssertSame(Alone(alone, telling, Greedy, 1), await server.GenerateAsync(telling, Greedy, 1, Token));
        }
    }

    /// <summary>By the server's own thread between two passes, and by the reader's at any moment of one.</summary>
    [Fact]
    public async Task Cancellation_frees_what_guesses_held_too()
    {
        using Qwen3VLModel model = RandomModels.Create(2);
        using GenerationServer server = new(model, On);
        ModelInput input = SpeculationModels.Repeating(Page - 4, 4);
        SamplingOptions options = Greedy with { MaxNewTokens = 400 };
        for (int tokens = 1; tokens < 60; tokens += 3)
        {
            using CancellationTokenSource source = new();
            long before = server.Statistics.TokensGenerated;
            int limit = tokens;
            server.AfterStep = () =>
            {
                if (server.Statistics.TokensGenerated - before >= limit)
                {
                    source.Cancel();
                }
            };
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => server.GenerateAsync(input, options, 1, source.Token));
            server.AfterStep = null;
            int read = 0;
            await foreach (GeneratedToken _ in server.StreamAsync(input, options, 1, Token))
            {
                if (++read == tokens)
                {
                    break;
                }
            }

            await server.ChangeModelAsync(_ => { }, Token);
            Assert.Equal((0, 0), (server.Statistics.PagesUsed, server.Statistics.Live));
        }

        Assert.True(server.Statistics.TokensAccepted > 100, server.Statistics.ToString());
        AssertSame(Alone(RandomModels.Create(1), input, Greedy, 1), await server.GenerateAsync(input, Greedy, 1, Token));
    }

    [Fact]
    public async Task A_draw_that_fails_within_a_guess_has_shown_the_tokens_before()
    {
        Qwen3VLConfig config = RandomModels.Seeing with { EosTokenIds = [89] };
        using Qwen3VLModel model = RandomModels.Create(2, config);
        SamplingOptions broken = Greedy with { Constraint = OutputConstraint.Regex("(ABC){12}é") };
        using GenerationServer server = new(model, On, Bytes), plain = new(RandomModels.Create(1, config), Off, Bytes);
        List<GeneratedToken> expected = await FailAsync(plain), actual = await FailAsync(server);
        Assert.Equal(36, expected.Count);
        Assert.Equal(expected, actual);
        ServerStatistics after = server.Statistics;
        Assert.Equal((1, 0, 36), (after.Failed, after.PagesUsed, after.TokensGenerated));
        Assert.True(after.TokensAccepted > 15, after.ToString());
        AssertSame(Alone(RandomModels.Create(1, config), RandomModels.Text(9, 1), Greedy, 1), await server.GenerateAsync(RandomModels.Text(9, 1), Greedy, 1, Token));

        async Task<List<GeneratedToken>> FailAsync(GenerationServer from)
        {
            List<GeneratedToken> shown = [];
            MedixException fault = await Assert.ThrowsAsync<MedixException>(async () =>
            {
                await foreach (GeneratedToken token in from.StreamAsync(RandomModels.Text(9, 1), broken, 1, Token))
                {
                    shown.Add(token);
                }
            });
            Assert.Contains("No token of the vocabulary", fault.Message, StringComparison.Ordinal);
            return shown;
        }
    }

    [Fact]
    public async Task Only_a_draw_that_is_alone_is_guessed()
    {
        using Qwen3VLModel model = RandomModels.Create(2);
        using GenerationServer server = new(model, On with { PromptChunk = 8 });
        long before = 0;
        int mixed = 0, others = 0;
        server.AfterStep = () =>
        {
            ServerStatistics now = server.Statistics;
            mixed += now.TokensGuessed > before && others > 1 && now.Live + now.Computing > 1 ? 1 : 0;
            (before, others) = (now.TokensGuessed, now.Live + now.Computing);
        };
        Task[] tasks = [];
        await TogetherAsync(server, () => tasks = [.. Enumerable.Range(0, 4).Select(i => server.GenerateAsync(SpeculationModels.Repeating(40 + (50 * i), 4), Greedy, 1, Token))]);
        Assert.Equal(0, mixed);
        await server.GenerateAsync(SpeculationModels.Repeating(70, 4), Greedy, 1, Token);
        Assert.True(server.Statistics.TokensAccepted > 0);
    }

    [Fact]
    public async Task A_text_that_does_not_repeat_itself_is_not_guessed_unless_that_pays()
    {
        using Qwen3VLModel model = RandomModels.Create(2);
        using GenerationServer server = new(model, NoCaches);
        SamplingOptions options = new(300, 2);
        for (ulong seed = 0; seed < 5; seed++)
        {
            await server.GenerateAsync(RandomModels.Text(100, 7), options, seed, Token);
        }

        Assert.Equal((1500L, 1495L, 0L), (server.Statistics.TokensGenerated, server.Statistics.DecodePasses, server.Statistics.TokensGuessed));
        await server.GenerateAsync(SpeculationModels.Repeating(70, 4), Greedy, 1, Token);
        Assert.True(server.Statistics.TokensAccepted > 0, server.Statistics.ToString());
    }

    [Fact]
    public void Options_that_cannot_be_used_are_named()
    {
        using Qwen3VLModel model = RandomModels.Create(1);
        string message = Assert.Throws<MedixException>(() => new GenerationServer(model, new ServerOptions { MaxLive = 0, Speculation = new(MostTokens: 33) })).Message;
        Assert.Contains("MaxLive is 0", message, StringComparison.Ordinal);
        Assert.Contains("Speculation: ", message, StringComparison.Ordinal);
        Assert.Contains("MostTokens = 33", message, StringComparison.Ordinal);
    }
}
