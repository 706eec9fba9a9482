using Medix.Inference.Generation;
using Medix.Inference.Generation.Speculation;
using Medix.Inference.Qwen3VL;
using Medix.Inference.Serving;
using Medix.Runs;
using Medix.Text;
using Medix.Weights;
using static Medix.Inference.Tests.ServingTestKit;

namespace Medix.Inference.Tests;

/// <summary>A request that comes so many steps after the one before and, where it leaves, is cancelled so many steps later.</summary>
internal sealed record ServingPlay(ModelInput Input, SamplingOptions Options, ulong Seed, int Pause, int? Leaves);

/// <summary>Requests that come and go at random, but at the same steps each time.</summary>
internal static class ServingPlays
{
    /// <summary>Guesses wherever there is anything to guess.</summary>
    public static PromptLookupOptions Eager { get; } = new(Shortest: 1, Longest: 3, MostTokens: 10, Cost: new GuessCost(0.02, 0.02));

    public static TokenVocabulary Letters { get; } = new(Enumerable.Range(0, RandomModels.Vocabulary).Select(id => new[] { (byte)('a' + (id % 20)) }));

    /// <summary>A small model of random widths.</summary>
    public static Qwen3VLConfig Model(SeededRandom random, bool sparse)
    {
        int hidden = 8 * random.NextInt(3, 9), groups = random.NextInt(1, 4), heads = random.NextInt(1, 3);
        TextConfig text = RandomModels.Seeing.Text with { Hidden = hidden, Heads = groups * heads, KeyValueHeads = heads, Intermediate = random.NextInt(20, 90) };
        return RandomModels.Seeing with
        {
            Architecture = sparse ? "Qwen3VLMoeForConditionalGeneration" : RandomModels.Seeing.Architecture,
            Text = sparse ? text with { Experts = 6, ExpertsPerToken = 2, ExpertIntermediate = 24, DenseLayers = [] } : text,
            Vision = RandomModels.Seeing.Vision! with { OutHidden = hidden },
            EosTokenIds = [3, 17],
        };
    }

    public static ServingPlay[] Random(SeededRandom random, int count) => [.. Enumerable.Range(0, count).Select(i => new ServingPlay(
        Input(random), Options(random), random.NextBits(), random.NextInt(2) == 0 ? 200 : random.NextInt(40), random.NextInt(4) == 0 ? random.NextInt(60) : null))];

    /// <summary>Plays all requests; null for one that was cancelled.</summary>
    public static async Task<Completion?[]> RunAsync(GenerationServer server, ServingPlay[] plays)
    {
        Task<Completion>[] tasks = new Task<Completion>[plays.Length];
        CancellationTokenSource[] stops = [.. plays.Select(_ => CancellationTokenSource.CreateLinkedTokenSource(Token))];
        int[] steps = new int[plays.Length];
        int sent = 0, pause = 0;
        TaskCompletionSource all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        server.AfterStep = () =>
        {
            ServerStatistics now = server.Statistics;
            if (sent < plays.Length && (now.Live + now.Computing + now.Waiting == 0 || pause-- == 0))
            {
                ServingPlay play = plays[sent];
                pause = play.Pause;
                tasks[sent] = server.GenerateAsync(play.Input, play.Options, play.Seed, stops[sent].Token);
                _ = ++sent < plays.Length || all.TrySetResult();
            }

            for (int i = 0; i < sent; i++)
            {
                if (steps[i]++ == plays[i].Leaves)
                {
                    stops[i].Cancel();
                }
            }
        };
        await server.ChangeModelAsync(_ => { }, Token);
        await all.Task.WaitAsync(Token);
        Completion?[] completions = new Completion?[plays.Length];
        for (int i = 0; i < plays.Length; i++)
        {
            await ((Task)tasks[i]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            completions[i] = tasks[i].IsCanceled ? null : await tasks[i];
        }

        await server.ChangeModelAsync(_ => { }, Token);
        server.AfterStep = null;
        Array.ForEach(stops, stop => stop.Dispose());
        return completions;
    }

    /// <summary>Few of them, so that prompts begin alike.</summary>
    private static ModelInput Input(SeededRandom random) => random.NextInt(6) switch
    {
        0 => RandomModels.WithImage(9, 4, 6, 1),
        1 => RandomModels.Text(random.NextInt(1, 8), 3),
        2 => RandomModels.WithImage(120, 8, 2, 5),
        3 => SpeculationModels.Repeating(96, 4),
        _ => SpeculationModels.Repeating(random.NextInt(90, 200), 4),
    };

    private static SamplingOptions Options(SeededRandom random) => new(random.NextInt(1, 150), random.NextInt(3) * 0.35f, 0.95f, 40)
    {
        RepetitionPenalty = random.NextInt(4) switch { 0 => 1.1f, 1 => 0.9f, _ => 1 },
        PresencePenalty = random.NextInt(4) == 0 ? 0.3f : 0,
        WithRawLogProbs = random.NextInt(2) == 0,
        StopStrings = random.NextInt(3) == 0 ? ["abc", "tee"] : [],
    };
}
