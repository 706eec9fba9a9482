using System.Text.Json;
using Medix.Training.Filtering;
using Medix.Training.Tests.Losses;

namespace Medix.Training.Tests.Filtering;

/// <summary>
/// The original's batch-making loop with its own settings (mean only, no spread). Where it ends the run, the collector goes on: after an empty try with the
/// next one, after the last try with what it has; those cases check that.
/// </summary>
[Trait("Category", "Parity")]
public class FilteringGoldenTests
{
    /// <summary>Stands in for "unlimited" in a loader that may never fill the batch.</summary>
    private const int Patience = 50;

    [Fact]
    public void Every_row_agrees() => RlGolden.Run("filtering", (_, c) =>
    {
        JsonElement original = c.GetProperty("original");
        if (RlGolden.Text(original, "error") is { } error && error.StartsWith("KeyError", StringComparison.Ordinal))
        {
            // A key that no sample has: here accuracies come as an array, there is no key to misspell.
            Assert.False(c.GetProperty("scores")[0].TryGetProperty(RlGolden.Text(c, "key")!, out JsonElement _));
            return;
        }

        GroupCollector<int> collector = Collect(c);
        if (original.TryGetProperty("error", out JsonElement _))
        {
            Assert.True(collector.Tries >= original.GetProperty("tries").GetInt32());
            Assert.NotEqual(CollectorState.NeedsMore, collector.State);
            Assert.Equal(collector.Counts[GroupVerdict.Kept], collector.Require().Count + collector.Leftovers.Count);
            Assert.All(collector.Batch, g => Assert.InRange(
                g.Accuracies!.Average(), RlGolden.Number(c.GetProperty("low")), RlGolden.Number(c.GetProperty("high"))));
            return;
        }

        int n = c.GetProperty("n").GetInt32();
        int[] prompts = [.. original.GetProperty("prompts").EnumerateArray().Select(p => p.GetInt32())];
        Assert.Equal(original.GetProperty("tries").GetInt32(), collector.Tries);
        Assert.Equal(prompts, collector.Batch.SelectMany(g => Enumerable.Repeat(g.Item, n)));
        Assert.Equal(CollectorState.Complete, collector.State);
    });

    private static GroupCollector<int> Collect(JsonElement c)
    {
        JsonElement[] scores = [.. c.GetProperty("scores").EnumerateArray()];
        int perTry = c.GetProperty("prompts_per_try").GetInt32();
        int maximum = c.GetProperty("max_try").GetInt32();
        ScoreRange? range = c.GetProperty("filtering").GetBoolean()
            ? new ScoreRange(RlGolden.Number(c.GetProperty("low")), RlGolden.Number(c.GetProperty("high"))) : null;
        GroupFilterOptions options = new(RequireSpread: false, range, maximum > 0 ? maximum : Patience);
        GroupCollector<int> collector = new(options, c.GetProperty("rollout_batch_size").GetInt32());
        int next = 0;
        while (collector.State == CollectorState.NeedsMore)
        {
            // The loader starts again at its end; its last batch may be short.
            int[] prompts = [.. Enumerable.Range(next, Math.Min(perTry, scores.Length - next))];
            next = next + perTry >= scores.Length ? 0 : next + perTry;
            collector.Offer([.. prompts.Select(p => Group(c, scores[p], p))]);
        }

        return collector;
    }

    private static ScoredGroup<int> Group(JsonElement c, JsonElement scores, int prompt)
    {
        double[] Values(string key) => [.. scores.GetProperty(key).EnumerateArray().Select(RlGolden.Number)];
        return new ScoredGroup<int>(prompt, Values("overall"), Values(RlGolden.Text(c, "key")!));
    }
}
