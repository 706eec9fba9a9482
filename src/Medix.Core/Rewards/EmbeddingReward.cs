using System.Globalization;
using Medix.Judging;
using Medix.Text;
using Microsoft.Extensions.AI;

namespace Medix.Rewards;

/// <summary>
/// Similarity of the graded text's embedding with the reference's: 1 from a threshold on, as in the paper, or graded. Answers that say nothing are 0
/// untried, and those that contradict the reference in side, negation or number are 0 unless that is switched off.
/// </summary>
public sealed class EmbeddingReward(IEmbeddingGenerator<string, Embedding<float>> embedder, RewardOptions options) : IReward
{
    private readonly Judge _rules = Judge.ByRules();

    /// <inheritdoc/>
    public string Name => RewardTerms.Embedding;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<TermResult>> ScoreAsync(IReadOnlyList<RewardInput> inputs, CancellationToken cancellationToken)
    {
        Unique<TextPair> pairs = new([.. inputs.Select(input => new TextPair(ResponseParser.Parse(input.Response).Answer, input.Sample.Reference))]);
        TermResult?[] settled = [.. pairs.Items.Select(Settled)];
        TextPair[] open = [.. pairs.Items.Where((_, i) => settled[i] is null)];
        Similarity[] similarities = await TextPairs.CompareAsync(embedder, open, TextPairs.Cosine, cancellationToken).ConfigureAwait(false);
        int next = 0;
        TermResult[] results = [.. pairs.Items.Select((pair, i) => settled[i] ?? ToResult(pair, similarities[next++]))];
        return pairs.Spread(results);
    }

    private TermResult? Settled(TextPair pair) =>
        Judge.Hollow(pair.First) is string hollow ? TermResult.Scored(Name, 0, hollow)
        : string.Equals(pair.First, pair.Second, StringComparison.Ordinal) ? TermResult.Scored(Name, 1, "same text")
        : null;

    private TermResult ToResult(TextPair pair, Similarity similarity)
    {
        if (similarity.Failure is string failure)
        {
            return TermResult.Unscored(Name, failure);
        }

        double value = options.GradedSimilarity ? Math.Clamp(similarity.Cosine, 0, 1) : similarity.Cosine >= options.SimilarityThreshold ? 1 : 0;
        if (value > 0 && options.VetoContradictions && _rules.Contradiction(pair.Second, pair.First) is string contradiction)
        {
            return TermResult.Scored(Name, 0, contradiction);
        }

        return TermResult.Scored(Name, value, string.Create(CultureInfo.InvariantCulture, $"cosine {similarity.Cosine:0.000}"));
    }
}
