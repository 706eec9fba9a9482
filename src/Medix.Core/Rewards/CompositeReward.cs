using Medix.Judging;
using Medix.Runs;
using Microsoft.Extensions.AI;

namespace Medix.Rewards;

/// <summary>One term and its relative weight, 0 or more.</summary>
public sealed record WeightedReward(IReward Reward, double Weight);

/// <summary>
/// The composite reward. A term that does not apply gives its weight to the others; a term that should have had a value and has none leaves the response
/// without a total, so that a failed judge never looks like a wrong answer.
/// </summary>
public sealed class CompositeReward
{
    private readonly IReadOnlyList<WeightedReward> _terms;
    private readonly MedixR1Reward? _medixR1;

    /// <summary>A composite of any terms, in mode <see cref="RewardMode.Medix"/>; terms of weight 0 are not computed.</summary>
    public CompositeReward(IReadOnlyList<WeightedReward> terms)
    {
        if (terms.Any(term => !(double.IsFinite(term.Weight) && term.Weight >= 0)) || !terms.Any(term => term.Weight > 0))
        {
            throw new ArgumentException("Weights must be finite, 0 or more, and one of them above 0.", nameof(terms));
        }

        _terms = [.. terms.Where(term => term.Weight > 0)];
    }

    private CompositeReward(MedixR1Reward medixR1)
    {
        _terms = [];
        _medixR1 = medixR1;
    }

    /// <summary>The reward that the options describe; a <see cref="MedixException"/> lists everything that is wrong with them.</summary>
    public static CompositeReward Create(RewardOptions options, Judge judge, IEmbeddingGenerator<string, Embedding<float>> embedder)
    {
        IReadOnlyList<string> problems = options.Problems();
        if (problems.Count > 0)
        {
            throw new MedixException("The reward options cannot be used: " + string.Join(' ', problems));
        }

        return options.Mode == RewardMode.MedixR1
            ? new CompositeReward(new MedixR1Reward(judge, embedder, options.FormatWeight))
            : new CompositeReward(
            [
                new(new FormatReward(), options.FormatWeight),
                new(new JudgeReward(judge), options.JudgeWeight),
                new(new EmbeddingReward(embedder, options), options.EmbeddingWeight),
                new(new ModalityReward(), options.ModalityWeight),
            ]);
    }

    /// <summary>One report per input, in order; what an input gets does not depend on the others. Throws only when cancelled.</summary>
    public async Task<IReadOnlyList<RewardReport>> ScoreAsync(IReadOnlyList<RewardInput> inputs, CancellationToken cancellationToken)
    {
        if (_medixR1 is not null)
        {
            return await _medixR1.ScoreAsync([.. inputs.Select(ToMedixR1)], cancellationToken).ConfigureAwait(false);
        }

        IReadOnlyList<TermResult>[] results =
            await Task.WhenAll(_terms.Select(term => term.Reward.ScoreAsync(inputs, cancellationToken))).ConfigureAwait(false);
        return [.. Enumerable.Range(0, inputs.Count).Select(i => Combine([.. results.Select(term => term[i])]))];
    }

    private RewardReport Combine(TermResult[] terms)
    {
        double total = 0;
        double weight = 0;
        bool complete = true;
        for (int i = 0; i < terms.Length; i++)
        {
            complete &= terms[i].Status != TermStatus.Unscored;
            if (terms[i].Status == TermStatus.Scored)
            {
                total += _terms[i].Weight * terms[i].Value;
                weight += _terms[i].Weight;
            }
        }

        // Rounding may carry a sum of weights an ulp beyond their sum in another order.
        return new RewardReport(complete && weight > 0 ? Math.Min(1, total / weight) : null, terms);
    }

    private static MedixR1Input ToMedixR1(RewardInput input) => new()
    {
        Response = input.Response,
        GroundTruth = input.Sample.Modality is null ? input.Sample.Reference : $"<{input.Sample.Modality}>\n{input.Sample.Reference}",
    };
}
