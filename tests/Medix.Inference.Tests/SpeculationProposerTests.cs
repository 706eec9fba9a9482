using Medix.Inference.Generation;
using Medix.Inference.Generation.Speculation;
using Medix.Runs;

namespace Medix.Inference.Tests;

public class SpeculationProposerTests
{
    private static readonly PromptLookupOptions Free = new(Shortest: 2, Longest: 4, MostTokens: 6, Cost: new GuessCost(0, 0));

    [Fact]
    public void Lookup_takes_the_longest_match_and_of_equals_the_latest()
    {
        Assert.Equal([50, 51, 52, 1, 2, 3], Guess([1, 2, 3, 4, 50, 51, 52, 1, 2, 3, 9, 3, 4, 60, 1, 2, 3, 4]));
        Assert.Equal([60, 7, 7, 3, 4, 60], Guess([3, 4, 50, 7, 7, 3, 4, 60, 7, 7, 3, 4]));
        Assert.Empty(Guess([1, 2, 3, 4, 5, 4]));
        Assert.Empty(Guess([]));
        Assert.Empty(Guess([1]));
    }

    [Fact]
    public void A_guess_that_reaches_the_end_goes_on_with_itself()
    {
        Assert.Equal([5, 5, 5, 5, 5, 5], Guess([1, 5, 5, 5, 5]));
        Assert.Equal([7, 8, 6, 7, 8, 6], Guess([6, 7, 8, 6, 7, 8, 6]));
    }

    [Fact]
    public void A_text_that_does_not_repeat_itself_costs_next_to_nothing()
    {
        foreach (int alphabet in (int[])[4, 8, 20, 90])
        {
            SeededRandom random = Seed.Random(3);
            int[] text = [.. Enumerable.Range(0, 1000).Select(_ => random.NextInt(alphabet))];
            PromptLookupOptions options = new();
            (double cost, int passes) = Replay(text, 200, options);
            Assert.True(cost < 1.05 * (text.Length - 200), $"{cost} for {passes} passes with {alphabet} letters.");
        }
    }

    [Fact]
    public void False_starts_are_soon_ignored_and_true_ones_soon_followed()
    {
        SeededRandom random = Seed.Random(3);
        int[] starts = [.. Enumerable.Range(0, 400).SelectMany(_ => (int[])[1, 2, 3, 1000 + random.NextInt(100_000)])];
        (double wasted, _) = Replay(starts, 400, new PromptLookupOptions(Shortest: 3, Longest: 3));
        Assert.InRange(wasted, 1200, 1.01 * 1200);
        int[] passage = RandomModels.Text(300, 8).Tokens, copies = [.. passage, .. passage, .. passage];
        (double cost, int passes) = Replay(copies, 300, new PromptLookupOptions());
        Assert.InRange(passes, 50, 90);
        Assert.True(cost < 0.4 * 600, $"{cost} for {passes} passes.");
    }

    [Fact]
    public void The_length_that_pays_follows_the_rate()
    {
        GuessRates rates = new(1, 8);
        Assert.Equal(1, rates.BestLength(0, new GuessCost(0.15, 0.15), 8));
        Assert.Equal(0, rates.BestLength(0, new GuessCost(0.31, 0.1), 8));
        for (int i = 0; i < 40; i++)
        {
            rates.Remember([1, 2], 0, 0);
            rates.Learn([1, 2, 3]);
        }

        Assert.Equal(8, rates.BestLength(0, GuessCost.Default, 8));
        Assert.Equal(3, rates.BestLength(0, GuessCost.Default, 3));
        for (int i = 0; i < 40; i++)
        {
            rates.Remember([2], 0, 0);
            rates.Learn([1]);
        }

        Assert.Equal(0, rates.BestLength(0, GuessCost.Default, 8));
    }

    [Fact]
    public void Costs_are_measured_by_the_clock()
    {
        using Medix.Inference.Qwen3VL.Qwen3VLModel model = RandomModels.Create(2);
        Assert.Equal(new GuessCost(0, 0), GuessCost.Measure(model, new Clock([10])));
        GuessCost cost = GuessCost.Measure(model, new Clock([10, 14, 28]));
        Assert.Equal(0.4, cost.First, 1e-9);
        Assert.Equal(0.2, cost.Further, 1e-9);
    }

    private static int[] Guess(int[] text)
    {
        PromptLookup lookup = new(Free);
        Proposal proposal = new(6, 100);
        proposal.Reset(6);
        lookup.Propose(text, proposal);
        return proposal.Tokens.ToArray();
    }

    /// <summary>Writes a known text with a proposer, without a model: what the passes cost, and how many there were.</summary>
    private static (double Cost, int Passes) Replay(int[] text, int prompt, PromptLookupOptions options)
    {
        PromptLookup lookup = new(options);
        Proposal proposal = new(options.MostTokens, 200_000);
        double cost = 0;
        int passes = 0;
        for (int length = prompt; length < text.Length; passes++)
        {
            proposal.Reset(Math.Min(options.MostTokens, text.Length - length - 1));
            lookup.Propose(text.AsSpan(0, length), proposal);
            cost += GuessCost.Default.Of(proposal.Count);
            length += proposal.Tokens.CommonPrefixLength(text.AsSpan(length)) + 1;
        }

        return (cost, passes);
    }

    /// <summary>Passes that take these times in turn.</summary>
    private sealed class Clock(long[] times) : TimeProvider
    {
        private int calls;
        private long now;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => now += calls++ % 2 == 1 ? times[((calls / 2) - 1) % times.Length] : 0;
    }
}
