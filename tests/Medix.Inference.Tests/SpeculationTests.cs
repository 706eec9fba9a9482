using Medix.Inference.Generation;
using Medix.Inference.Generation.Speculation;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Text;
using Medix.Weights;

namespace Medix.Inference.Tests;

public class SpeculationTests
{
    private static readonly SamplingOptions Greedy = new(MaxNewTokens: 110, Temperature: 0);
    private static readonly SamplingOptions Sampled = new(MaxNewTokens: 60, Temperature: 0.8f, TopP: 0.95f, TopK: 40);

    [Theory]
    [InlineData(WeightStorage.Fp32, 1)]
    [InlineData(WeightStorage.Fp32, 2)]
    [InlineData(WeightStorage.Bf16, 2)]
    [InlineData(WeightStorage.Q8, 2)]
    [InlineData(WeightStorage.Q4, 3)]
    [InlineData(WeightStorage.Q4K, 2)]
    [InlineData(WeightStorage.Q4K, 1)]
    public void Guesses_right_and_wrong_leave_greedy_output_the_same_bit_for_bit(WeightStorage storage, int threads)
    {
        using Qwen3VLModel model = RandomModels.Create(threads, storage: storage);
        foreach (ModelInput input in SpeculationModels.Inputs)
        {
            Completion expected = SpeculationModels.Plain(model, input, Greedy, 1);
            foreach (double wrong in (double[])[0, 0.2, 1])
            {
                ScriptedProposer proposer = new(expected.Tokens, input.Tokens.Length, wrong, 3);
                SpeculativeCompletion actual = SpeculationModels.Speculative(model, proposer, input, Greedy, 1);
                SpeculationModels.AssertSame(expected, actual.Completion);
                Assert.Equal(wrong < 1, actual.Statistics.Accepted > 0);
                Assert.Equal(wrong == 0, actual.Statistics.AcceptanceRate == 1);
                Assert.Equal(Greedy.MaxNewTokens - 1, actual.Statistics.Tokens);
                Assert.Equal(actual.Statistics.Tokens, actual.Statistics.Accepted + actual.Statistics.Passes);
                Assert.True(proposer.Ended);
            }
        }
    }

    [Fact]
    public void The_same_holds_for_experts()
    {
        Qwen3VLConfig config = RandomModels.Seeing with
        {
            Architecture = "Qwen3VLMoeForConditionalGeneration",
            Text = RandomModels.Seeing.Text with { Experts = 6, ExpertsPerToken = 2, ExpertIntermediate = 24, DenseLayers = [] },
        };
        foreach (WeightStorage storage in (WeightStorage[])[WeightStorage.Fp32, WeightStorage.Q8])
        {
            using Qwen3VLModel model = RandomModels.Create(2, config, storage: storage);
            Completion expected = SpeculationModels.Plain(model, SpeculationModels.Inputs[0], Greedy, 1);
            ScriptedProposer proposer = new(expected.Tokens, SpeculationModels.Inputs[0].Tokens.Length, 0.2, 3);
            SpeculationModels.AssertSame(expected, SpeculationModels.Speculative(model, proposer, SpeculationModels.Inputs[0], Greedy, 1).Completion);
        }
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(0.3f)]
    [InlineData(1f)]
    public void Prompt_lookup_gives_the_completion_of_the_same_seed_at_any_temperature(float temperature)
    {
        using Qwen3VLModel model = RandomModels.Create(2, RandomModels.Seeing with { EosTokenIds = [3, 17] });
        long proposed = 0;
        foreach (ModelInput input in SpeculationModels.Inputs)
        {
            for (ulong seed = 0; seed < 4; seed++)
            {
                SamplingOptions options = Sampled with { Temperature = temperature, WithRawLogProbs = seed == 1, RepetitionPenalty = seed == 2 ? 0.9f : 1, MinP = 0.01f };
                SpeculativeCompletion actual = SpeculationModels.Speculative(model, new PromptLookup(new(Shortest: 1, Cost: new GuessCost(0.1, 0.1))), input, options, seed);
                SpeculationModels.AssertSame(SpeculationModels.Plain(model, input, options, seed), actual.Completion);
                proposed += actual.Statistics.Proposed;
            }
        }

        Assert.True(proposed > 50, $"Only {proposed} tokens were proposed.");
    }

    [Fact]
    public void A_greedy_draft_leaves_greedy_output_the_same_with_and_without_images()
    {
        using Qwen3VLModel model = RandomModels.Create(2), near = SpeculationModels.Near(0.05f), smaller = RandomModels.Create(2, SpeculationModels.Smaller);
        foreach (Qwen3VLModel draft in (Qwen3VLModel[])[model, near, smaller])
        {
            SpeculationStatistics all = default;
            foreach (ModelInput input in SpeculationModels.Inputs)
            {
                using DraftModel proposer = new(draft, new DraftModelOptions(5, default(GuessCost), 0));
                SpeculativeCompletion actual = SpeculationModels.Speculative(model, proposer, input, Greedy, 1);
                SpeculationModels.AssertSame(SpeculationModels.Plain(model, input, Greedy, 1), actual.Completion);
                all = new(0, 0, all.Proposed + actual.Statistics.Proposed, all.Accepted + actual.Statistics.Accepted);
            }

            Assert.True(draft == smaller || all.AcceptanceRate > (draft == model ? 0.999 : 0.3), $"Only {all} were accepted.");
        }
    }

    [Fact]
    public void A_draft_with_the_model_s_own_weights_is_always_accepted_whatever_the_filters()
    {
        using Qwen3VLModel model = RandomModels.Create(2);
        foreach (SamplingOptions options in (SamplingOptions[])[Sampled, Sampled with { TopP = 1, TopK = 0 }, Sampled with { TopK = 0, MinP = 0.05f }])
        {
            using DraftModel proposer = new(model, new DraftModelOptions(6, default(GuessCost), 0));
            SpeculativeCompletion actual = SpeculationModels.Speculative(model, proposer, SpeculationModels.Inputs[0], options, 5);
            Assert.True(actual.Statistics.Proposed > 40);
            Assert.Equal(1, actual.Statistics.AcceptanceRate);
        }
    }

    [Fact]
    public void Options_that_look_back_are_honoured_with_a_draft_too()
    {
        using Qwen3VLModel model = RandomModels.Create(2), near = SpeculationModels.Near(0.05f);
        SamplingOptions options = Sampled with { PresencePenalty = 1, LogitBias = new Dictionary<int, float> { [5] = 3 } };
        using DraftModel proposer = new(near, new DraftModelOptions(5, default(GuessCost), 0));
        SpeculativeCompletion actual = SpeculationModels.Speculative(model, proposer, SpeculationModels.Inputs[0], options, 5);
        SpeculationModels.AssertSame(SpeculationModels.Plain(model, SpeculationModels.Inputs[0], options, 5), actual.Completion);
        Assert.True(actual.Statistics.Accepted > 0);
    }

    [Fact]
    public void An_end_token_among_the_guesses_ends_the_completion()
    {
        using Qwen3VLModel plain = RandomModels.Create(2);
        ModelInput input = SpeculationModels.Inputs[0];
        int[] free = SpeculationModels.Plain(plain, input, Greedy, 1).Tokens;
        using Qwen3VLModel model = RandomModels.Create(2, RandomModels.Seeing with { EosTokenIds = [free[20]] });
        Completion actual = SpeculationModels.Speculative(model, new ScriptedProposer(free, input.Tokens.Length, 0, 3), input, Greedy, 1).Completion;
        Assert.Equal(FinishReason.Stop, actual.FinishReason);
        Assert.Equal(free[..(Array.IndexOf(free, free[20]) + 1)], actual.Tokens);
    }

    [Fact]
    public void Memory_is_given_back_after_completions_cancellations_and_faults()
    {
        using Qwen3VLModel model = RandomModels.Create(2);
        ModelInput input = RandomModels.WithImage(130, 8, 2, 5);
        Run(CancellationToken.None);
        long pages = model.Decoder.Pages.Bytes;
        for (int tokens = 0; tokens < 100; tokens += 30)
        {
            using CancellationTokenSource source = new();
            int limit = tokens;
            Assert.Throws<OperationCanceledException>(() => Run(source.Token, new Report(progress =>
            {
                if (progress.Tokens >= limit)
                {
                    source.Cancel();
                }
            })));
        }

        Assert.Throws<InvalidOperationException>(() => SpeculationModels.Speculative(model, new Faulty(), input, Greedy, 1));
        Run(CancellationToken.None);
        Assert.Equal(pages, model.Decoder.Pages.Bytes);

        void Run(CancellationToken cancellationToken, IProgress<GenerationProgress>? progress = null)
        {
            using DraftModel proposer = new(model);
            new SpeculativeGenerator(model, proposer).Generate(input, Greedy, 1, progress, cancellationToken);
        }
    }

    [Fact]
    public void What_cannot_be_used_is_refused()
    {
        using Qwen3VLModel model = RandomModels.Create(1);
        Qwen3VLConfig other = RandomModels.Seeing with { Text = RandomModels.Seeing.Text with { VocabularySize = 95 } };
        using Qwen3VLModel draft = RandomModels.Create(1, other);
        using DraftModel proposer = new(draft);
        ModelInput input = SpeculationModels.Inputs[0];
        Assert.Contains("95 tokens and the model 90", Message(() => SpeculationModels.Speculative(model, proposer, input, Greedy, 1)), StringComparison.Ordinal);
        Assert.Contains("TopP is 2", Message(() => SpeculationModels.Speculative(model, new PromptLookup(), input, Greedy with { TopP = 2 }, 1)), StringComparison.Ordinal);
        Assert.Contains("Shortest = 0", Message(() => _ = new PromptLookup(new PromptLookupOptions(0))), StringComparison.Ordinal);
        Assert.Contains("MostTokens = 33", Message(() => new DraftModel(draft, new DraftModelOptions(33)).Dispose()), StringComparison.Ordinal);

        static string Message(Action action) => Assert.Throws<MedixException>(action).Message;
    }


    private sealed class Report(Action<GenerationProgress> action) : IProgress<GenerationProgress>
    {
        void IProgress<GenerationProgress>.Report(GenerationProgress value) => action(value);
    }

    private sealed class Faulty : ITokenProposer
    {
        public int MostTokens => 4;

        public void Begin(ProposalContext context) => ArgumentNullException.ThrowIfNull(context);

        public void Propose(ReadOnlySpan<int> text, Proposal proposal) => proposal.Add(text.Length > 160 ? -1 : 1);

        public void End() => Assert.Equal(4, MostTokens);
    }
}
