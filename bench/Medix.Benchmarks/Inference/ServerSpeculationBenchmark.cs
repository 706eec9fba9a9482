using System.Diagnostics;
using System.Globalization;
using Medix.Inference.Generation;
using Medix.Inference.Generation.Speculation;
using Medix.Inference.Qwen3VL;
using Medix.Inference.Serving;
using Medix.Text;

namespace Medix.Benchmarks.Inference;

/// <summary>
/// <c>server-speculation [5m|nano|wide|PRESET] [storage] [rounds]</c>: the server with one request at a time, with and without guesses by prompt lookup in turns, greedy, on
/// the constructed model of <see cref="SpeculationBenchmark"/>. What guesses cost the server learns from its own passes. Both must write the same tokens.
/// </summary>
internal static class ServerSpeculationBenchmark
{
    private const int NewTokens = 160;
    private const int PromptTokens = 230;

    /// <summary>Runs the benchmark and prints its table.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        if (CountingModel.Of("server-speculation", args) is not var (model, rounds))
        {
            return 2;
        }

        using Qwen3VLModel owned = model;
        using GenerationServer plain = new(model, new ServerOptions { Speculation = null }), guessing = new(model, new ServerOptions { Speculation = new PromptLookupOptions() });
        foreach ((string name, double share) in ((string, double)[])[("nothing", 0), ("half", 0.5), ("all", 1)])
        {
            await CompareAsync(plain, guessing, name, CountingModel.Prompt(model.Config, PromptTokens, NewTokens, share, 16), rounds).ConfigureAwait(false);
        }

        return 0;
    }

    private static async Task CompareAsync(GenerationServer plain, GenerationServer guessing, string name, ModelInput input, int rounds)
    {
        List<double> ratios = [];
        ServerStatistics before = guessing.Statistics;
        for (int round = -1; round < rounds; round++)
        {
            (double slow, int[] expected) = await DrawAsync(plain, input).ConfigureAwait(false);
            (double fast, int[] tokens) = await DrawAsync(guessing, input).ConfigureAwait(false);
            if (!tokens.AsSpan().SequenceEqual(expected))
            {
                throw new InvalidOperationException("The two servers wrote different tokens.");
            }

            if (round >= 0)
            {
                ratios.Add(fast / slow);
            }
        }

        ratios.Sort();
        ServerStatistics after = guessing.Statistics;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {name,-8} repeated: {ratios[ratios.Count / 2]:0.00} ({ratios[0]:0.00}-{ratios[^1]:0.00}) times plain; "
            + $"{after.TokensAccepted - before.TokensAccepted} of {after.TokensGuessed - before.TokensGuessed} guesses right"));
    }

    /// <summary>Tokens per second from the first token on, and the tokens.</summary>
    private static async Task<(double Speed, int[] Tokens)> DrawAsync(GenerationServer server, ModelInput input)
    {
        List<int> tokens = [];
        long first = 0, last = 0;
        await foreach (GeneratedToken token in server.StreamAsync(input, new SamplingOptions(NewTokens, 0), 1).ConfigureAwait(false))
        {
            last = Stopwatch.GetTimestamp();
            first = tokens.Count == 0 ? last : first;
            tokens.Add(token.Id);
        }

        return ((tokens.Count - 1) / Stopwatch.GetElapsedTime(first, last).TotalSeconds, [.. tokens]);
    }
}
