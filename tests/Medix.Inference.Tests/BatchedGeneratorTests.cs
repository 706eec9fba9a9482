using Medix.Inference.Generation;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Text;

namespace Medix.Inference.Tests;

public class BatchedGeneratorTests
{
    private static readonly SamplingOptions Options = new(MaxNewTokens: 110, Temperature: 0.8f, TopP: 0.95f, TopK: 40);

    private static readonly GenerationRequest[] Requests =
    [
        new(RandomModels.WithImage(9, 4, 6, 1), [11, 12, 13, 14, 15]),
        new(RandomModels.Text(130, 2), [21, 22, 23]),
        new(RandomModels.Text(1, 3), [31]),
        new(RandomModels.Text(5, 4), []),
        new(RandomModels.WithImage(30, 8, 2, 5), [51, 52]),
    ];

    [Theory]
    [InlineData(1, 64)]
    [InlineData(2, 64)]
    [InlineData(3, 4)]
    [InlineData(2, 1)]
    public void A_draw_depends_neither_on_its_company_nor_on_the_threads(int threads, int maxBatch)
    {
        using Qwen3VLModel alone = RandomModels.Create(1);
        using Qwen3VLModel together = RandomModels.Create(threads);
        IReadOnlyList<IReadOnlyList<Completion>> all = Run(new BatchedGenerator(together, maxBatch), Requests, Options);
        BatchedGenerator single = new(alone);
        for (int r = 0; r < Requests.Length; r++)
        {
            Assert.Equal(Requests[r].DrawSeeds.Count, all[r].Count);
            for (int draw = 0; draw < all[r].Count; draw++)
            {
                Completion expected = Run(single, [Requests[r] with { DrawSeeds = [Requests[r].DrawSeeds[draw]] }], Options)[0][0];
                Assert.Equal(expected.Tokens, all[r][draw].Tokens);
                Assert.Equal(expected.LogProbs, all[r][draw].LogProbs);
            }
        }
    }

    [Fact]
    public void Different_seeds_and_prompts_give_different_tokens()
    {
        using Qwen3VLModel model = RandomModels.Create(2);
        IReadOnlyList<IReadOnlyList<Completion>> all = Run(new BatchedGenerator(model), Requests, Options);
        string[] texts = [.. all.SelectMany(group => group.Select(completion => string.Join(' ', completion.Tokens)))];
        Assert.Equal(texts.Length, texts.Distinct(StringComparer.Ordinal).Count());
    }

    [Theory]
    [InlineData(0.7f)]
    [InlineData(1f)]
    public void Log_probabilities_are_those_of_the_whole_sequence_computed_at_once(float temperature)
    {
        using Qwen3VLModel model = RandomModels.Create(2);
        foreach (GenerationRequest request in Requests.Where(r => r.DrawSeeds.Count > 0))
        {
            Completion completion = Run(new BatchedGenerator(model), [request], Options with { Temperature = temperature })[0][0];
            ModelInput whole = request.Input with { Tokens = [.. request.Input.Tokens, .. completion.Tokens] };
            float[] logits = model.Logits(whole);
            for (int i = 0; i < completion.Tokens.Length; i++)
            {
                int row = request.Input.Tokens.Length + i - 1;
                double expected = LogProb(logits.AsSpan(row * RandomModels.Vocabulary, RandomModels.Vocabulary), completion.Tokens[i], temperature);
                Assert.InRange(completion.LogProbs[i] - expected, -1e-4, 1e-4);
            }
        }
    }

    [Fact]
    public void An_end_token_ends_the_completion_and_is_its_last_token()
    {
        using Qwen3VLModel model = RandomModels.Create(2, RandomModels.Seeing with { EosTokenIds = [3, 17, 40] });
        Completion[] all = [.. Run(new BatchedGenerator(model, 5), Requests, Options).SelectMany(group => group)];
        Assert.Contains(all, completion => completion.FinishReason == FinishReason.Stop);
        foreach (Completion completion in all)
        {
            bool stopped = completion.FinishReason == FinishReason.Stop;
            Assert.Equal(stopped, completion.Tokens[^1] is 3 or 17 or 40);
            Assert.DoesNotContain(completion.Tokens[..^1], token => token is 3 or 17 or 40);
            Assert.True(stopped || completion.Tokens.Length == Options.MaxNewTokens);
            Assert.Equal(completion.Tokens.Length, completion.LogProbs.Length);
        }
    }

    [Fact]
    public void Image_placeholders_are_never_drawn()
    {
        using Qwen3VLModel model = RandomModels.Create(2);
        SamplingOptions hot = new(MaxNewTokens: 60, Temperature: 50f);
        int[] tokens = [.. Run(new BatchedGenerator(model), Requests, hot).SelectMany(group => group.SelectMany(completion => completion.Tokens))];
        Assert.DoesNotContain(tokens, token => token is RandomModels.ImageToken or RandomModels.ImageToken + 1);
        Assert.Contains(RandomModels.ImageToken + 2, tokens);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Decoding_allocates_nothing_and_gives_its_memory_back(int threads)
    {
        using Qwen3VLModel model = RandomModels.Create(threads);
        BatchedGenerator generator = new(model);
        Run(generator, Requests, Options);
        long pages = model.Decoder.Pages.Bytes;
        AllocationMeter meter = new(Options.MaxNewTokens);
        Run(generator, Requests, Options, meter);
        Assert.Equal(pages, model.Decoder.Pages.Bytes);
        Assert.True(meter.Steps > 100);
        Assert.InRange(meter.StepsThatAllocate, 0, 2);
    }

    [Fact]
    public void Cancellation_gives_the_memory_back()
    {
        using Qwen3VLModel model = RandomModels.Create(2);
        BatchedGenerator generator = new(model);
        Run(generator, Requests, Options);
        long pages = model.Decoder.Pages.Bytes;
        for (int i = 0; i < 5; i++)
        {
            using CancellationTokenSource source = new();
            CancelAfter progress = new(source, tokens: 30 * i);
            Assert.Throws<OperationCanceledException>(() => generator.Generate(Requests, Options, progress, source.Token));
        }

        Run(generator, Requests, Options);
        Assert.Equal(pages, model.Decoder.Pages.Bytes);
    }

    [Fact]
    public void What_cannot_be_generated_is_refused_with_every_reason()
    {
        using Qwen3VLModel model = RandomModels.Create(1);
        BatchedGenerator generator = new(model);
        MedixException e = Assert.Throws<MedixException>(() => Run(generator, Requests, new SamplingOptions(500, -1, 2, -3)));
        Assert.Contains("Temperature is -1", e.Message, StringComparison.Ordinal);
        Assert.Contains("TopP is 2", e.Message, StringComparison.Ordinal);
        Assert.Contains("TopK is -3", e.Message, StringComparison.Ordinal);
        Assert.Contains("512 positions", e.Message, StringComparison.Ordinal);
        GenerationRequest bad = new(new ModelInput([5, 999], [], []), [1]);
        Assert.Contains("token 999 at 1", Assert.Throws<MedixException>(() => Run(generator, [bad], Options)).Message, StringComparison.Ordinal);
    }

    private static IReadOnlyList<IReadOnlyList<Completion>> Run(
        BatchedGenerator generator, IReadOnlyList<GenerationRequest> requests, SamplingOptions options, IProgress<GenerationProgress>? progress = null) =>
        generator.Generate(requests, options, progress, TestContext.Current.CancellationToken);

    private static double LogProb(ReadOnlySpan<float> logits, int token, float temperature)
    {
        double sum = 0;
        for (int id = 0; id < logits.Length; id++)
        {
            sum += id is RandomModels.ImageToken or RandomModels.ImageToken + 1 ? 0 : Math.Exp((double)logits[id] / temperature);
        }

        return (logits[token] / temperature) - Math.Log(sum);
    }

    private sealed class AllocationMeter(int steps) : IProgress<GenerationProgress>
    {
        private readonly long[] allocated = new long[steps + 8];
        private readonly int[] collections = new int[steps + 8];

        public int Steps { get; private set; }

        /// <summary>
        /// Over the middle of the run, where draws neither come nor go. A collection, which other tests may cause, writes off what is left of the thread's current piece of
        /// memory as if it had been allocated: such steps do not count. One in the background does so again without being counted: hence a few may seem to allocate.
        /// </summary>
        public int StepsThatAllocate =>
            Enumerable.Range(2, Steps - 6).Count(i => collections[i] == collections[i - 1] && allocated[i] > allocated[i - 1]);

        public void Report(GenerationProgress value)
        {
            collections[Steps] = GC.CollectionCount(0);
            allocated[Steps++] = GC.GetAllocatedBytesForCurrentThread();
        }
    }

    private sealed class CancelAfter(CancellationTokenSource source, long tokens) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value)
        {
            if (value.Tokens >= tokens)
            {
                source.Cancel();
            }
        }
    }
}
