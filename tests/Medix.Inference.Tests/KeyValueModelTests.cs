using Medix.Inference.Generation;
using Medix.Inference.Generation.Speculation;
using Medix.Inference.Kernels;
using Medix.Inference.Quantising;
using Medix.Inference.Qwen3VL;
using Medix.Inference.Serving;
using Medix.Runs;
using Medix.Text;
using Medix.Weights;
using static Medix.Inference.Tests.ServingTestKit;

namespace Medix.Inference.Tests;

/// <summary>Whole models whose keys and values are stored otherwise than in single precision.</summary>
public class KeyValueModelTests
{
    private const int Page = KvPages.Positions;

    /// <summary>
    /// Mean KL in nats between the answers of single precision and of each storage, over all places of a reference model's cases. Where a router finds two experts
    /// nearly alike, the smallest difference sends a token to the other: a few places of a sparse model decide its mean, so that more is allowed there.
    /// </summary>
    [Fact]
    [Trait("Category", "Parity")]
    public void The_reference_cases_are_answered_alike()
    {
        foreach (string source in ModelCases.Folders())
        {
            using Checkpoint checkpoint = Checkpoint.Open(source);
            using Qwen3VLModel reference = Qwen3VLModel.FromCheckpoint(checkpoint);
            ModelInput[] cases = PackedQualityTests.Cases(source, checkpoint.Config);
            Assert.NotEmpty(cases);
            DivergenceMeter meter = new(reference, cases, Token);
            using Qwen3VLModel half = Qwen3VLModel.FromCheckpoint(checkpoint, keysAndValues: KeyValueStorage.Fp16);
            using Qwen3VLModel integers = Qwen3VLModel.FromCheckpoint(checkpoint, keysAndValues: KeyValueStorage.Int8);
            TextQuality fp16 = meter.Quality(half, Token), int8 = meter.Quality(integers, Token);
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"{Path.GetFileName(source)}, {meter.Tokens} tokens: fp16 {fp16.Divergence.Mean:e1} at most {fp16.LargestDivergence:e1}, same {fp16.SameChoice.Mean:0.000}; "
                + $"int8 {int8.Divergence.Mean:e1} at most {int8.LargestDivergence:e1}, same {int8.SameChoice.Mean:0.000}");
            bool sparse = checkpoint.Config.Text.Experts is not null;
            Assert.InRange(fp16.Divergence.Mean, double.Epsilon, sparse ? 1e-3 : 1e-4);
            Assert.InRange(int8.Divergence.Mean, 1e-7, sparse ? 3e-2 : 1e-2);
            Assert.Equal(0, meter.Divergence(reference, Token));
        }
    }

    [Theory]
    [InlineData(WeightStorage.Fp32, KeyValueStorage.Fp32)]
    [InlineData(WeightStorage.Bf16, KeyValueStorage.Fp32)]
    [InlineData(WeightStorage.Q8, KeyValueStorage.Fp16)]
    [InlineData(WeightStorage.Q4K, KeyValueStorage.Fp16)]
    public void Beside_integers_keys_and_values_are_halves_unless_somebody_wishes_otherwise(WeightStorage weights, KeyValueStorage expected)
    {
        using Qwen3VLModel model = RandomModels.Create(2, storage: weights), wished = RandomModels.Create(2, storage: weights, keysAndValues: KeyValueStorage.Int8);
        Assert.Equal((expected, KeyValueStorage.Int8), (model.KeysAndValues, wished.KeysAndValues));
    }

    /// <summary>What single precision draws, read by the others: longer than a page, text and picture.</summary>
    [Theory]
    [InlineData(KeyValueStorage.Fp16, 1e-4)]
    [InlineData(KeyValueStorage.Int8, 1e-2)]
    public void A_drawn_answer_is_as_probable_as_before(KeyValueStorage storage, double allowed)
    {
        using Qwen3VLModel single = RandomModels.Create(2), other = RandomModels.Create(2, keysAndValues: storage);
        ModelInput[] read = [.. new[] { RandomModels.Text(20, 1), RandomModels.WithImage(30, 8, 6, 2) }.Select(
            input => input with { Tokens = [.. input.Tokens, .. Alone(single, input, new SamplingOptions(200, 0), 1).Tokens.Where(token => token < RandomModels.ImageToken)] })];
        DivergenceMeter meter = new(single, read, Token);
        TextQuality quality = meter.Quality(other, Token);
        TestContext.Current.TestOutputHelper?.WriteLine($"{storage}: {quality.Divergence.Mean:e2} over {meter.Tokens} tokens, same choice {quality.SameChoice.Mean:0.000}");
        Assert.InRange(meter.Tokens, 200, 500);
        Assert.InRange(quality.Divergence.Mean, double.Epsilon, allowed);
        Assert.InRange(quality.SameChoice.Mean, 0.9, 1);
    }

    /// <summary>Passes of any number of rows, with wrong tokens computed and cut off between them, give the logits of a whole prompt bit for bit.</summary>
    [Theory]
    [InlineData(KeyValueStorage.Fp16, 1)]
    [InlineData(KeyValueStorage.Int8, 1)]
    [InlineData(KeyValueStorage.Int8, 2)]
    [InlineData(KeyValueStorage.Int8, 3)]
    public void Cut_off_tokens_leave_nothing_behind(KeyValueStorage storage, int threads)
    {
        int[] tokens = RandomModels.Text(210, 5).Tokens;
        using Qwen3VLModel whole = RandomModels.Create(2, keysAndValues: storage), model = RandomModels.Create(threads, keysAndValues: storage);
        float[] expected = whole.Logits(new ModelInput(tokens, [], []));
        int vocabulary = model.Config.Text.VocabularySize;
        SequencePass pass = new(model, 33, tokens.Length + 33);
        KvSequence sequence = new(model.Decoder.Pages);
        SeededRandom random = Seed.Random(9);
        for (int from = 0, count; from < tokens.Length; from += count)
        {
            count = Math.Min(random.NextInt(1, 34), tokens.Length - from);
            pass.Run(sequence, RandomModels.Text(random.NextInt(1, 33), random.NextBits()).Tokens, from);
            sequence.Truncate(from);
            pass.Run(sequence, tokens.AsSpan(from, count), from);
            for (int row = 0; row < count; row++)
            {
                Assert.Equal(expected.AsSpan((from + row) * vocabulary, vocabulary), pass.Logits(row));
            }
        }

        sequence.Clear();
        Assert.Equal(0, model.Decoder.Pages.Used);
    }

    [Theory]
    [InlineData(KeyValueStorage.Fp16)]
    [InlineData(KeyValueStorage.Int8)]
    public void A_guessed_token_is_accepted_where_it_would_have_been_drawn(KeyValueStorage storage)
    {
        using Qwen3VLModel model = RandomModels.Create(2, keysAndValues: storage);
        foreach (ModelInput input in SpeculationModels.Inputs)
        {
            SamplingOptions options = new(120, 0.7f, TopK: 30);
            Completion expected = SpeculationModels.Plain(model, input, options, 4);
            ScriptedProposer proposer = new(expected.Tokens, input.Tokens.Length, 0.3, 8);
            SpeculationModels.AssertSame(expected, SpeculationModels.Speculative(model, proposer, input, options, 4).Completion);
        }
    }

    /// <summary>Draws that share the pages of a prompt, and a memory that holds four times the pages for the same bytes.</summary>
    [Theory]
    [InlineData(KeyValueStorage.Fp16, 1)]
    [InlineData(KeyValueStorage.Int8, 1)]
    [InlineData(KeyValueStorage.Int8, 2)]
    public async Task A_server_shares_pages_and_answers_as_one_by_itself(KeyValueStorage storage, int threads)
    {
        using Qwen3VLModel alone = RandomModels.Create(1, keysAndValues: storage), model = RandomModels.Create(threads, keysAndValues: storage);
        ModelInput prompt = RandomModels.WithImage(210, 8, 6, 3);
        int shared = (prompt.Tokens.Length - 1) / Page * Page;
        long bytes = 12 * model.Decoder.Pages.PageBytes;
        int most = 0;
        using (GenerationServer server = new(model, new ServerOptions { PromptChunk = 50, KeyValueBytes = bytes }))
        {
            server.AfterStep = () => most = Math.Max(most, model.Decoder.Pages.Used);
            Task<Completion>[] group = [];
            await TogetherAsync(server, () => group = [.. Enumerable.Range(0, 6).Select(i => server.GenerateAsync(prompt, Sampling, (ulong)i, Token))]);
            for (int i = 0; i < group.Length; i++)
            {
                AssertSame(Alone(alone, prompt, Sampling, (ulong)i), await group[i]);
            }

            Assert.Equal(5 * shared, server.Statistics.PromptTokensReused);
        }

        Assert.InRange(most, 3, 12);
        Assert.InRange(model.Decoder.Pages.Bytes, 1, bytes);
        Assert.Equal(0, model.Decoder.Pages.Used);
    }

    /// <summary>Draws of one prompt read its keys and values together.</summary>
    [Fact]
    public void Draws_of_one_prompt_are_those_drawn_alone()
    {
        using Qwen3VLModel model = RandomModels.Create(2, keysAndValues: KeyValueStorage.Int8);
        ModelInput input = RandomModels.Text(130, 7);
        IReadOnlyList<Completion> group = new BatchedGenerator(model, 5).Generate([new GenerationRequest(input, [1, 2, 3, 4, 5])], Sampling, null, Token)[0];
        for (int i = 0; i < group.Count; i++)
        {
            AssertSame(Alone(model, input, Sampling, (ulong)i + 1), group[i]);
        }
    }

    [Fact]
    public void A_model_says_what_its_keys_and_values_take()
    {
        using Qwen3VLModel single = RandomModels.Create(2), integers = RandomModels.Create(2, keysAndValues: KeyValueStorage.Int8);
        Assert.Equal((KeyValueStorage.Fp32, KeyValueStorage.Int8), (single.KeysAndValues, integers.KeysAndValues));
        TextConfig text = single.Config.Text;
        Assert.Equal(2 * text.Layers * text.KeyValueHeads * text.HeadDim * 4, single.KeyValueBytesPerToken);
        Assert.Equal(2 * text.Layers * text.KeyValueHeads * (text.HeadDim + 4), integers.KeyValueBytesPerToken);
        Assert.Equal(single.WeightBytes, integers.WeightBytes);
    }
}
