using Medix.Inference.Generation;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Inference.Serving;
using Medix.Text;
using static Medix.Inference.Tests.ServingTestKit;

namespace Medix.Inference.Tests;

/// <summary>What is computed once for several requests.</summary>
public class ServingPrefixTests
{
    private const int Page = 96;

    [Theory]
    [InlineData(1, 256, true)]
    [InlineData(2, 50, true)]
    [InlineData(2, 50, false)]
    [InlineData(2, 1000, false)]
    public async Task The_full_pages_of_a_groups_prompt_are_computed_once(int threads, int chunk, bool seeing)
    {
        using Qwen3VLModel alone = RandomModels.Create(1), model = RandomModels.Create(threads);
        ModelInput prompt = seeing ? RandomModels.WithImage(210, 8, 6, 3) : RandomModels.Text(230, 3);
        int length = prompt.Tokens.Length, shared = (length - 1) / Page * Page;
        using GenerationServer server = new(model, new ServerOptions { PromptChunk = chunk });
        Task<Completion>[] group = [];
        await TogetherAsync(server, () => group = [.. Enumerable.Range(0, 6).Select(i => server.GenerateAsync(prompt, Sampling, (ulong)i, Token))]);
        for (int i = 0; i < group.Length; i++)
        {
            AssertSame(Alone(alone, prompt, Sampling, (ulong)i), await group[i]);
        }

        ServerStatistics after = server.Statistics;
        Assert.Equal((length + (5 * (length - shared)), 5 * shared), (after.PromptTokensComputed, after.PromptTokensReused));
        Assert.Equal(seeing ? (1, 5) : (0, 0), (after.ImagesEncoded, after.ImagesReused));
    }

    [Fact]
    public async Task A_prompt_that_ends_with_a_page_computes_its_last_page_again()
    {
        using Qwen3VLModel model = RandomModels.Create(2);
        ModelInput prompt = RandomModels.Text(2 * Page, 3);
        Completion expected = Alone(model, prompt, Sampling, 1);
        using GenerationServer server = new(model);
        for (int i = 0; i < 3; i++)
        {
            AssertSame(expected, await server.GenerateAsync(prompt, Sampling, 1, Token));
        }

        Assert.Equal((4 * Page, 2 * Page), (server.Statistics.PromptTokensComputed, server.Statistics.PromptTokensReused));
    }

    [Fact]
    public async Task A_conversation_goes_on_from_its_last_completion()
    {
        using Qwen3VLModel alone = RandomModels.Create(1), model = RandomModels.Create(2);
        using GenerationServer server = new(model);
        ModelInput first = RandomModels.WithImage(40, 8, 6, 3);
        SamplingOptions options = Sampling with { MaxNewTokens = 150 };
        Completion answer = await server.GenerateAsync(first, options, 1, Token);
        ModelInput second = Join(first, [.. answer.Tokens, 5, 6, 7]);
        AssertSame(Alone(alone, second, options, 2), await server.GenerateAsync(second, options, 2, Token));
        Assert.Equal(2 * Page, server.Statistics.PromptTokensReused);
        Assert.InRange(first.Tokens.Length, 0, Page - 1);
    }

    [Fact]
    public async Task Prompts_that_differ_anywhere_before_share_nothing_after()
    {
        using Qwen3VLModel alone = RandomModels.Create(1), model = RandomModels.Create(2);
        using GenerationServer server = new(model);
        ModelInput picture = RandomModels.WithImage(250, 8, 6, 3);
        float[] otherPatches = [.. picture.Patches];
        otherPatches[17] += 0.5f;
        int[] otherToken = [.. picture.Tokens];
        otherToken[100]++;
        ModelInput[] all =
        [
            picture, picture with { Patches = otherPatches }, picture with { Grids = [picture.Grids[0] with { H = 6, W = 8 }] }, picture with { Tokens = otherToken },
        ];
        foreach (ModelInput input in all)
        {
            AssertSame(Alone(alone, input, Sampling, 1), await server.GenerateAsync(input, Sampling, 1, Token));
        }

        Assert.Equal((Page, 3L, 1L), (server.Statistics.PromptTokensReused, server.Statistics.ImagesEncoded, server.Statistics.ImagesReused));
    }

    [Fact]
    public async Task One_of_two_images_is_enough_where_the_other_is_known()
    {
        using Qwen3VLModel alone = RandomModels.Create(1), model = RandomModels.Create(2);
        using GenerationServer server = new(model);
        ModelInput a = RandomModels.WithImage(20, 8, 6, 3), b = RandomModels.WithImage(30, 4, 4, 4);
        ModelInput both = new([.. a.Tokens, .. b.Tokens], [.. a.Patches, .. b.Patches], [.. a.Grids, .. b.Grids]);
        ModelInput swapped = new([.. b.Tokens, .. a.Tokens], [.. b.Patches, .. a.Patches], [.. b.Grids, .. a.Grids]);
        foreach (ModelInput input in new[] { a, both, swapped })
        {
            AssertSame(Alone(alone, input, Sampling, 1), await server.GenerateAsync(input, Sampling, 1, Token));
        }

        Assert.Equal((2, 3), (server.Statistics.ImagesEncoded, server.Statistics.ImagesReused));
        Assert.True(server.Statistics.ImageBytes > 0);
    }

    [Fact]
    public async Task Features_are_made_when_their_prompt_has_its_turn()
    {
        using Qwen3VLModel model = RandomModels.Create(2);
        using GenerationServer server = new(model, NoCaches with { PromptChunk = 64 });
        using ManualResetEventSlim sent = new();
        long image = 12 * 48 * 3 * sizeof(float), most = 0;
        server.AfterStep = () =>
        {
            sent.Wait(Token);
            most = Math.Max(most, server.Statistics.ImageBytes);
        };
        Task<Completion>[] tasks = [.. Enumerable.Range(0, 6).Select(i => server.GenerateAsync(RandomModels.WithImage(200, 8, 6, (ulong)i), Sampling, 1, Token))];
        sent.Set();
        await Task.WhenAll(tasks);
        Assert.InRange(most, image, 2 * image);
        Assert.Equal(0, server.Statistics.ImageBytes);
    }

    [Theory]
    [InlineData(4, null)]
    [InlineData(6, 2)]
    [InlineData(3, 0)]
    [InlineData(3, 3)]
    [InlineData(5, 5)]
    public async Task Memory_stays_within_its_limit_and_what_was_used_last_is_kept(int pages, int? cached)
    {
        using Qwen3VLModel alone = RandomModels.Create(1), model = RandomModels.Create(2);
        long page = model.Decoder.Pages.PageBytes;
        ServerOptions options = new() { KeyValueBytes = pages * page, PrefixBytes = cached * page, PromptChunk = 40, ImageBytes = 20_000 };
        int most = 0, mostCached = 0;
        using (GenerationServer server = new(model, options))
        {
            server.AfterStep = () =>
            {
                most = Math.Max(most, model.Decoder.Pages.Used);
                mostCached = Math.Max(mostCached, server.Statistics.PagesCached);
            };
            ModelInput[] inputs = [.. Enumerable.Range(0, 8).Select(i => i % 2 == 0 ? RandomModels.Text(130 + i, (ulong)i) : RandomModels.WithImage(100, 4, 2 * i, (ulong)i))];
            Task<Completion>[] tasks = [.. Enumerable.Range(0, 24).Select(i => server.GenerateAsync(inputs[i * 5 % 8], Sampling, (ulong)i, Token))];
            for (int i = 0; i < tasks.Length; i++)
            {
                AssertSame(Alone(alone, inputs[i * 5 % 8], Sampling, (ulong)i), await tasks[i]);
            }

            await server.GenerateAsync(inputs[1], Sampling, 99, Token);
            long reused = server.Statistics.PromptTokensReused;
            await server.GenerateAsync(inputs[1], Sampling, 99, Token);
            Assert.Equal(reused + (cached == 0 ? 0 : Page), server.Statistics.PromptTokensReused);
            Assert.InRange(server.Statistics.ImageBytes, 0, 20_000);
        }

        Assert.InRange(most, 2, pages);
        Assert.InRange(mostCached, 0, cached ?? (pages / 2));
        Assert.Equal(0, model.Decoder.Pages.Used);
    }

    [Fact]
    public void The_cache_gives_up_the_oldest_pages_first_and_later_ones_before_those_they_build_on()
    {
        using KvPages pages = new(1, 1, 16, KernelSet.Best);
        PrefixCache cache = new(pages, 5);
        ContentHash[] old = [.. Enumerable.Range(0, 3).Select(i => new ContentHash(1, (UInt128)i))];
        ContentHash[] recent = [.. Enumerable.Range(0, 2).Select(i => new ContentHash(2, (UInt128)i))];
        Keep(recent, 1);
        KvSequence reader = Keep(old, 3);
        Keep(recent, 2);
        Assert.Equal((5, 5), (cache.Count, cache.Idle));
        Assert.True(cache.TryGet(old[2], out nint read));
        pages.Retain(read);
        Assert.Equal(4, cache.Idle);
        AssertFreed(old[1], old[0], recent[1]);
        pages.Return(read);
        AssertFreed(old[2], recent[0]);
        Assert.False(cache.FreeOne());
        Assert.Equal(0, pages.Used);
        Keep(old, 3);
        Keep([.. recent, .. Enumerable.Range(2, 4).Select(i => new ContentHash(2, (UInt128)i))], 6);
        Assert.Equal(5, cache.Count);
        cache.Clear();
        Assert.Equal((0, 0), (pages.Used, reader.Length));

        KvSequence Keep(ContentHash[] chain, int count)
        {
            KvSequence sequence = new(pages);
            int from = 0;
            for (; from < count && cache.TryGet(chain[from], out nint page); from++)
            {
                sequence.Adopt(page);
            }

            sequence.Extend((count - from) * Page);
            cache.Add(chain.AsSpan(0, count), sequence.Held, from);
            sequence.Clear();
            return sequence;
        }

        void AssertFreed(params ContentHash[] order)
        {
            foreach (ContentHash hash in order)
            {
                Assert.True(cache.TryGet(hash, out _));
                Assert.True(cache.FreeOne());
                Assert.False(cache.TryGet(hash, out _));
            }
        }
    }
}
