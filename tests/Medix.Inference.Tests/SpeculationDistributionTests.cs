using Medix.Inference.Generation;
using Medix.Inference.Generation.Speculation;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Text;
using Medix.Weights;

namespace Medix.Inference.Tests;

public class SpeculationDistributionTests
{
    private const int Draws = 8_000;
    private const int Tokens = 4;

    private static readonly ModelInput Input = new([1, 3, 0, 2, 1], [], []);

    /// <summary>
    /// The joint distribution of four tokens of a five-token vocabulary (625 cells) after 8,000 draws, against the product of the model's own conditional
    /// probabilities. Plain decoding is held to the same, so that the test is known to be fair.
    /// </summary>
    [Theory]
    [InlineData(1f, 1f, 0, 0f)]
    [InlineData(0.7f, 1f, 3, 0f)]
    [InlineData(1.3f, 0.8f, 0, 0f)]
    [InlineData(1f, 0.9f, 4, 0.1f)]
    public void Completions_with_a_draft_have_the_model_s_distribution(float temperature, float topP, int topK, float minP)
    {
        SamplingOptions options = new(Tokens + 1, temperature, topP, topK) { MinP = minP };
        using Qwen3VLModel model = Tiny(1, 1), draft = Tiny(2, 1);
        using DraftModel proposer = new(draft, new DraftModelOptions(3, default(GuessCost), 0));
        SpeculativeGenerator generator = new(model, proposer);
        int[] observed = new int[625], plain = new int[625];
        SpeculationStatistics all = default;
        for (ulong seed = 0; seed < Draws; seed++)
        {
            SpeculativeCompletion completion = generator.Generate(Input, options, seed, null, TestContext.Current.CancellationToken);
            observed[Cell(completion.Completion.Tokens)]++;
            all = new(all.Passes + completion.Statistics.Passes, 0, all.Proposed + completion.Statistics.Proposed, all.Accepted + completion.Statistics.Accepted);
        }

        GenerationRequest request = new(Input, [.. Enumerable.Range(0, Draws).Select(seed => (ulong)seed)]);
        foreach (Completion completion in new BatchedGenerator(model).Generate([request], options, null, TestContext.Current.CancellationToken)[0])
        {
            plain[Cell(completion.Tokens)]++;
        }

        double[] expected = Joint(model, options);
        Assert.InRange(all.AcceptanceRate, 0.1, 0.9);
        Assert.InRange(ChiSquareScore(plain, expected), -4, 4);
        Assert.InRange(ChiSquareScore(observed, expected), -4, 4);
    }

    [Fact]
    public void Log_probabilities_of_a_sampled_draft_s_completions_are_the_model_s()
    {
        SamplingOptions options = new(60, 0.9f, 0.9f, 30);
        using Qwen3VLModel model = RandomModels.Create(2), draft = SpeculationModels.Near(0.03f);
        using DraftModel proposer = new(draft, new DraftModelOptions(4, default(GuessCost), 0));
        ModelInput input = SpeculationModels.Inputs[3];
        SpeculativeCompletion actual = SpeculationModels.Speculative(model, proposer, input, options, 8);
        Assert.True(actual.Statistics.Accepted > 3 && actual.Statistics.AcceptanceRate < 1);
        float[] logits = model.Logits(input with { Tokens = [.. input.Tokens, .. actual.Completion.Tokens] });
        Distribution filtered = new(RandomModels.Vocabulary, [80, 81], options), whole = new(RandomModels.Vocabulary, [80, 81], options with { TopK = 0, TopP = 1 });
        for (int i = 0; i < actual.Completion.Tokens.Length; i++)
        {
            Span<float> row = logits.AsSpan((input.Tokens.Length + i - 1) * RandomModels.Vocabulary, RandomModels.Vocabulary);
            filtered.Fill(row);
            whole.Fill(row);
            Assert.Equal(whole.Token(actual.Completion.Tokens[i], row).LogProb, actual.Completion.LogProbs[i], 1e-5);
            Assert.Equal(filtered.Token(actual.Completion.Tokens[i], row).SampledLogProb, actual.Completion.SampledLogProbs[i], 1e-5);
        }
    }

    [Fact]
    public void The_distribution_is_the_one_that_the_sampler_draws_from()
    {
        SeededRandom random = Seed.Random(7);
        for (int trial = 0; trial < 400; trial++)
        {
            int vocabulary = random.NextInt(2, 120);
            int[] banned = random.NextInt(2) == 0 ? [] : [random.NextInt(vocabulary)];
            float step = random.NextInt(2) == 0 ? 1e-6f : 0.5f;
            float[] logits = [.. Enumerable.Range(0, vocabulary).Select(_ => step * MathF.Round((float)random.NextNormal() * 2 / step))];
            SamplingOptions options = new(1, (float)random.NextDouble(0.3, 2), random.NextInt(2) == 0 ? 1 : (float)random.NextDouble(0.05, 1), random.NextInt(vocabulary + 2))
            {
                MinP = random.NextInt(2) == 0 ? 0 : (float)random.NextDouble(0, 0.5),
            };
            Distribution distribution = new(vocabulary, banned, options);
            float[] copy = [.. logits];
            distribution.Fill(copy);
            Assert.Equal(1, distribution.Probabilities.ToArray().Sum(p => (double)p), 1e-5);
            TokenSampler sampler = new(vocabulary, banned);
            for (ulong seed = 0; seed < 20; seed++)
            {
                SampledToken token = sampler.Sample(logits, new SamplingState(options, seed)), same = distribution.Token(token.Id, copy);
                Assert.Equal(token.LogProb, same.LogProb);
                Assert.Equal(token.SampledLogProb, same.SampledLogProb, 1e-5);
            }
        }
    }

    private static Qwen3VLModel Tiny(ulong seed, int threads) => RandomModels.Create(
        threads, new Qwen3VLConfig("Qwen3ForCausalLM", new TextConfig(5, 16, 1, 2, 1, 8, 16, 1e-6, 10_000, null, 64, false), null, -1, -1, -1, -1, []), seed);

    /// <summary>The first token comes from the prompt's pass, without guesses: the cell is that of the four behind it, whatever it was.</summary>
    private static int Cell(int[] tokens) => tokens[1..].Aggregate(0, (cell, token) => (5 * cell) + token);

    private static double[] Joint(Qwen3VLModel model, SamplingOptions options)
    {
        double[] joint = new double[625];
        Add([], 1);
        return joint;

        void Add(int[] tokens, double probability)
        {
            if (tokens.Length == Tokens + 1)
            {
                joint[Cell(tokens)] += probability;
                return;
            }

            float[] logits = model.Logits(Input with { Tokens = [.. Input.Tokens, .. tokens] });
            double[] next = Filtered(logits[^5..], options);
            for (int token = 0; token < 5; token++)
            {
                if (next[token] > 0)
                {
                    Add([.. tokens, token], probability * next[token]);
                }
            }
        }
    }

    /// <summary>Temperature, top-k, top-p of what is left and min-p, as plainly as can be.</summary>
    private static double[] Filtered(float[] logits, SamplingOptions options)
    {
        double[] weights = [.. logits.Select(logit => Math.Exp((logit - logits.Max()) / (double)options.Temperature))];
        int[] best = [.. Enumerable.Range(0, weights.Length).OrderByDescending(id => weights[id])];
        best = options.TopK == 0 ? best : best[..options.TopK];
        double total = best.Sum(id => weights[id]), before = 0;
        double[] kept = new double[weights.Length];
        foreach (int id in best)
        {
            bool first = before == 0;
            kept[id] = first || (before < options.TopP * total && weights[id] >= options.MinP) ? weights[id] : 0;
            before += weights[id];
        }

        return [.. kept.Select(weight => weight / kept.Sum())];
    }

    /// <summary>Pearson's statistic as a standard normal score (Wilson and Hilferty 1931); cells expected fewer than five times are one cell.</summary>
    private static double ChiSquareScore(int[] observed, double[] expected)
    {
        double statistic = 0, restExpected = 0, restObserved = 0;
        int cells = 0;
        for (int i = 0; i < observed.Length; i++)
        {
            Assert.True(expected[i] > 0 || observed[i] == 0, $"Cell {i} cannot occur but did.");
            double mean = expected[i] * Draws;
            if (mean < 5)
            {
                (restExpected, restObserved) = (restExpected + mean, restObserved + observed[i]);
                continue;
            }

            statistic += (observed[i] - mean) * (observed[i] - mean) / mean;
            cells++;
        }

        if (restExpected > 5)
        {
            statistic += (restObserved - restExpected) * (restObserved - restExpected) / restExpected;
            cells++;
        }

        Assert.True(cells > 15);
        double spread = 2.0 / (9 * (cells - 1));
        return (Math.Cbrt(statistic / (cells - 1)) - (1 - spread)) / Math.Sqrt(spread);
    }
}
