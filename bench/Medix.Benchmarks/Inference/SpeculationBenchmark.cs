using System.Diagnostics;
using System.Globalization;
using Medix.Inference.Generation;
using Medix.Inference.Generation.Speculation;
using Medix.Inference.Qwen3VL;
using Medix.Text;

namespace Medix.Benchmarks.Inference;

/// <summary>
/// <c>speculation [5m|nano|wide|PRESET] [storage] [rounds]</c>: one stream, plain decoding and prompt lookup in turns, greedy. The model is a constructed one
/// (<see cref="CountingModel"/>), since random weights repeat nothing: it computes every product of its shape, but what it writes is known, so the share of the answer that
/// stands in the prompt, in passages of 16 tokens, can be chosen. How often real answers repeat their prompts it does not say. Both ways must write the same tokens.
/// Before that, what a pass with some wrong guesses costs, beside what <see cref="GuessCost.Measure"/> finds.
/// </summary>
internal static class SpeculationBenchmark
{
    private const int NewTokens = 160;
    private const int PromptTokens = 256;

    /// <summary>Runs the benchmark and prints its tables.</summary>
    public static int Run(string[] args)
    {
        if (CountingModel.Of("speculation", args) is not var (model, rounds))
        {
            return 2;
        }

        using Qwen3VLModel owned = model;
        MeasurePasses(model, rounds);
        GuessCost cost = GuessCost.Measure(model);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"  measured for guessing: {cost.First:0.00} of a pass for the first token, {cost.Further:0.00} for each further one"));
        foreach ((string name, double share, int run) in (ReadOnlySpan<(string, double, int)>)
            [("nothing repeated", 0, 16), ("false starts only", 1, 2), ("a quarter", 0.25, 16), ("half", 0.5, 16), ("all", 1, 16)])
        {
            Compare(model, name, CountingModel.Prompt(model.Config, PromptTokens, NewTokens, share, run), cost, rounds);
        }

        return 0;
    }

    /// <summary>Milliseconds of passes with so many guesses, none of them right.</summary>
    private static void MeasurePasses(Qwen3VLModel model, int rounds)
    {
        int[] guesses = [0, 1, 2, 4, 8, 12];
        ModelInput input = CountingModel.Prompt(model.Config, PromptTokens, NewTokens, 0, 16);
        SpeculativeGenerator[] generators = [.. guesses.Select(count => new SpeculativeGenerator(model, new WrongGuesses(count)))];
        double[][] times = [.. guesses.Select(_ => new double[rounds])];
        for (int round = -1; round < rounds; round++)
        {
            for (int i = 0; i < guesses.Length; i++)
            {
                double seconds = Decode(input, 48 + guesses[i], (options, progress) => generators[i].Generate(input, options, 1, progress).Completion).Seconds;
                if (round >= 0)
                {
                    times[i][round] = 1000 * seconds / 47;
                }
            }
        }

        double[] medians = [.. times.Select(Median)];
        for (int i = 0; i < guesses.Length; i++)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  a pass with {guesses[i],2} guesses: {medians[i],8:0.000} ms = {medians[i] / medians[0],5:0.00}"));
        }
    }

    private static void Compare(Qwen3VLModel model, string name, ModelInput input, GuessCost cost, int rounds)
    {
        BatchedGenerator plain = new(model);
        SpeculativeGenerator lookup = new(model, new PromptLookup(new PromptLookupOptions(Cost: cost)));
        double[] speeds = new double[rounds], ratios = new double[rounds];
        SpeculationStatistics statistics = default;
        for (int round = -1; round < rounds; round++)
        {
            Decoded one = Decode(input, NewTokens, (options, progress) => plain.Generate([new GenerationRequest(input, [1])], options, progress)[0][0]);
            Decoded many = Decode(input, NewTokens, (options, progress) =>
            {
                SpeculativeCompletion completion = lookup.Generate(input, options, 1, progress);
                statistics = completion.Statistics;
                return completion.Completion;
            });
            if (!one.Tokens.SequenceEqual(many.Tokens))
            {
                throw new InvalidOperationException("Prompt lookup wrote another text than plain decoding.");
            }

            if (round >= 0)
            {
                speeds[round] = (NewTokens - 1) / one.Seconds;
                ratios[round] = one.Seconds / many.Seconds;
            }
        }

        double speed = Median(speeds), ratio = Median(ratios);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {name,-18} plain {speed,7:N1} tok/s, lookup x{ratio:0.00} ({ratios.Min():0.00} … {ratios.Max():0.00}); {statistics.TokensPerPass:0.00} tokens per pass, "
                + $"{statistics.Accepted} of {statistics.Proposed} guesses right"));
    }

    /// <summary>Seconds from the first token to the last.</summary>
    private static Decoded Decode(ModelInput input, int tokens, Func<SamplingOptions, IProgress<GenerationProgress>, Completion> generate)
    {
        FirstToken first = new();
        Completion completion = generate(new SamplingOptions(tokens, 0), first);
        return new Decoded(completion.Tokens, Stopwatch.GetElapsedTime(first.Time).TotalSeconds * first.Share(tokens));
    }

    private static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);

    private sealed record Decoded(int[] Tokens, double Seconds);

    /// <summary>When the first report came: after one token, or two where the first report comes after the first step.</summary>
    private sealed class FirstToken : IProgress<GenerationProgress>
    {
        private long tokens;

        public long Time { get; private set; }

        public double Share(int all) => (all - 1.0) / (all - tokens);

        public void Report(GenerationProgress value)
        {
            if (Time == 0)
            {
                (Time, tokens) = (Stopwatch.GetTimestamp(), value.Tokens);
            }
        }
    }

    private sealed class WrongGuesses(int count) : ITokenProposer
    {
        public int MostTokens => Math.Max(1, count);

        public void Begin(ProposalContext context) => ArgumentNullException.ThrowIfNull(context);

        public void Propose(ReadOnlySpan<int> text, Proposal proposal)
        {
            while (proposal.Count < Math.Min(count, proposal.Room))
            {
                proposal.Add(text[^1]);
            }
        }

        public void End() => GC.KeepAlive(this);
    }
}
