using Medix.Inference.Generation;
using Medix.Inference.Generation.Speculation;
using Medix.Inference.Qwen3VL;
using Medix.Inference.Serving;
using Medix.Runs;
using Medix.Text;
using static Medix.Inference.Tests.ServingTestKit;

namespace Medix.Inference.Tests;

/// <summary>What guesses cost, learned from passes, on clocks that tests make.</summary>
public class SpeculationCostTests
{
    private static readonly GuessCost Cheap = new(0.08, 0.04), Dear = new(0.9, 0.5);

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Learns_from_either_side_whatever_else_runs(bool dear, bool noisy)
    {
        (GuessCost truth, GuessCost prior) = dear ? (Dear, Cheap) : (Cheap, Dear);
        for (ulong seed = 0; seed < 10; seed++)
        {
            SeededRandom random = Seed.Random(seed);
            LearnedGuessCost learned = new(prior);
            for (int pass = 0; pass < 2000; pass++)
            {
                int guessed = Math.Max(0, random.NextInt(-10, 11));
                double cold = pass < 3 ? 20 : 1, growing = 1 + (pass / 2000.0);
                learned.Learn(guessed, TimeSpan.FromMilliseconds(20 * cold * growing * truth.Of(guessed) * (noisy ? Noise(random) : 1)));
            }

            foreach (int guessed in (int[])[1, 2, 5, 10])
            {
                Assert.InRange(learned.Cost.Of(guessed) / truth.Of(guessed), noisy ? 0.85 : 0.93, noisy ? 1.15 : 1.07);
            }
        }
    }

    [Fact]
    public void A_busy_while_is_forgotten_soon()
    {
        LearnedGuessCost learned = new(Cheap);
        Run(100, 1);
        Run(20, 4);
        Assert.InRange(learned.Cost.Of(4), Cheap.Of(4) * 0.95, Cheap.Of(4) * 2);
        Run(100, 1);
        Assert.Equal(Cheap.Of(4), learned.Cost.Of(4), 0.05);

        void Run(int passes, double slower)
        {
            for (int pass = 0; pass < passes; pass++)
            {
                learned.Learn(pass % 5, TimeSpan.FromMilliseconds(30 * slower * Cheap.Of(pass % 5)));
            }
        }
    }

    [Fact]
    public void A_cost_that_is_never_tried_returns_to_what_was_assumed()
    {
        LearnedGuessCost learned = new(Cheap);
        Repeat(100, 1);
        Assert.True(learned.Cost.First > 2, $"{learned.Cost}");
        Repeat(8000, 0);
        Assert.Equal(Cheap.First, learned.Cost.First, 0.01);
        Assert.Equal(Cheap.Further, learned.Cost.Further, 0.01);

        void Repeat(int passes, int guessed)
        {
            for (int pass = 0; pass < passes; pass++)
            {
                learned.Learn(0, TimeSpan.FromMilliseconds(1));
                learned.Learn(guessed, TimeSpan.FromMilliseconds(guessed == 0 ? 1 : 5));
            }
        }
    }

    [Fact]
    public void Nothing_is_learned_from_a_clock_that_stands_still_nor_before_a_pass_without_guesses()
    {
        LearnedGuessCost learned = new(Dear);
        learned.Learn(3, TimeSpan.FromMilliseconds(1));
        learned.Learn(0, TimeSpan.Zero);
        learned.Learn(3, TimeSpan.Zero);
        learned.Learn(3, TimeSpan.FromMilliseconds(100));
        Assert.Equal(Dear, learned.Cost);
    }

    /// <summary>
    /// Texts whose next token repeats an earlier passage with some probability, written by passes of a 2B in 4 bits, which were measured: the default guesses too rarely.
    /// </summary>
    [Theory]
    [InlineData(0.3)]
    [InlineData(0.6)]
    [InlineData(0.8)]
    [InlineData(0.95)]
    public void Lengths_chosen_by_what_was_learned_are_about_as_fast_as_those_by_what_is_true(double repeated)
    {
        double learned = Write(new LearnedGuessCost(new(0.1, 0.05))), misled = Write(new LearnedGuessCost(Dear)), known = Write(null, new(0.08, 0.05)), assumed = Write(null);
        TestContext.Current.TestOutputHelper?.WriteLine($"{repeated}: {learned:0} by learning, {misled:0} from a wrong prior, {known:0} by the truth, {assumed:0} by the default");
        Assert.InRange(learned / known, 0, 1.05);
        Assert.InRange(misled / known, 0, 1.1);
        Assert.InRange(learned / assumed, 0, 1.01);

        double Write(LearnedGuessCost? costs, GuessCost? fixedCost = null)
        {
            ReadOnlySpan<double> passes = [1, 1.08, 1.11, 1.15, 1.18, 1.27, 1.36, 1.46, 1.56, 1.72, 1.88];
            int[] text = Text(repeated, 4000);
            PromptLookup lookup = new(new PromptLookupOptions(Cost: fixedCost));
            Proposal proposal = new(10, 1000);
            SeededRandom random = Seed.Random(3);
            double all = 0;
            for (int length = 500; length < text.Length;)
            {
                proposal.Reset(Math.Min(10, text.Length - length - 1));
                lookup.Cost = costs?.Cost ?? lookup.Cost;
                lookup.Propose(text.AsSpan(0, length), proposal);
                costs?.Learn(proposal.Count, TimeSpan.FromMilliseconds(30 * passes[proposal.Count] * Noise(random)));
                all += passes[proposal.Count];
                length += proposal.Tokens.CommonPrefixLength(text.AsSpan(length)) + 1;
            }

            return all;
        }
    }

    [Theory]
    [InlineData(0.02, 0.01)]
    [InlineData(6, 4)]
    public async Task A_server_learns_from_its_lone_passes_and_keeps_it_for_later_requests(double first, double further)
    {
        GuessCost truth = new(first, further);
        PassClock clock = new(truth), other = new(truth);
        using Qwen3VLModel alone = RandomModels.Create(1), model = RandomModels.Create(2);
        using GenerationServer server = new(model, NoCaches with { Clock = clock }), told = new(alone, NoCaches with { Clock = other, Speculation = ServingPlays.Eager });
        (clock.Server, other.Server) = (server, told);
        Assert.Equal(GuessCost.Default, server.GuessCost);
        SamplingOptions options = new(MaxNewTokens: 200, Temperature: 0);
        for (ulong i = 0; i < 30; i++)
        {
            ModelInput input = SpeculationModels.Repeating(40 + (int)i, 4 + (i % 2));
            AssertSame(await told.GenerateAsync(input, options, 1, Token), await server.GenerateAsync(input, options, 1, Token));
        }

        await server.ChangeModelAsync(_ => { }, Token);
        GuessCost learned = server.GuessCost!.Value;
        Assert.True(first > 1 ? learned.Of(10) > 2 * GuessCost.Default.Of(10) : learned.Of(4) < 0.75 * GuessCost.Default.Of(4), $"{learned}");
        Assert.Equal(ServingPlays.Eager.Cost, told.GuessCost);
        Assert.True(server.Statistics.TokensAccepted > 0, server.Statistics.ToString());
    }

    [Fact]
    public async Task Passes_beside_other_requests_are_not_timed()
    {
        using Qwen3VLModel model = RandomModels.Create(2);
        PassClock clock = new(new GuessCost(0, 0));
        using GenerationServer server = new(model, NoCaches with { Clock = clock, PromptChunk = 8 });
        clock.Server = server;
        int together = 0, timed = 0;
        (int Reads, long Passes, int Requests) before = default;
        server.AfterStep = () =>
        {
            ServerStatistics now = server.Statistics;
            int requests = now.Live + now.Computing;
            bool shared = before.Requests > 1 && requests > 1;
            together += shared ? (int)(now.DecodePasses - before.Passes) : 0;
            timed += shared ? clock.Reads - before.Reads : 0;
            before = (clock.Reads, now.DecodePasses, requests);
        };
        await TogetherAsync(server, () => [.. Enumerable.Range(1, 3).Select(i => server.GenerateAsync(RandomModels.Text(40 * i, 4), new(30, 1), 1, Token))]);
        Assert.True(together > 20, $"{together}");
        Assert.Equal(0, timed);
        await server.GenerateAsync(RandomModels.Text(40, 4), new(30, 1), 1, Token);
        Assert.InRange(clock.Reads, 2 * 10, int.MaxValue);
    }

    private static double Noise(SeededRandom random) => (1 + Math.Abs(0.08 * random.NextNormal())) * (random.NextDouble() < 0.03 ? 5 : 1);

    private static int[] Text(double repeated, int length)
    {
        SeededRandom random = Seed.Random(1);
        int[] text = new int[length];
        int from = 0;
        for (int i = 0; i < length; i++)
        {
            bool goesOn = i > 400 && random.NextDouble() < repeated;
            from = goesOn ? from + 1 : random.NextInt(0, Math.Max(1, i - 20));
            text[i] = i > 400 && (goesOn || random.NextDouble() < repeated) ? text[from] : random.NextInt(0, 1000);
        }

        return text;
    }

    /// <summary>Read when a pass begins, its guesses counted already, and when it ends: each takes a second, and with guesses as much more as is said.</summary>
    private sealed class PassClock(GuessCost truth) : TimeProvider
    {
        private const int Second = 1000;
        private long guessed;
        private long start;
        private long now;
        private bool running;

        public GenerationServer? Server { get; set; }

        public int Reads { get; private set; }

        public override long TimestampFrequency => Second;

        public override long GetTimestamp()
        {
            Reads++;
            running = !running;
            if (running)
            {
                start = guessed;
                guessed = Server!.Statistics.TokensGuessed;
            }
            else
            {
                now += (long)(Second * truth.Of((int)(guessed - start)));
            }

            return now;
        }
    }
}
