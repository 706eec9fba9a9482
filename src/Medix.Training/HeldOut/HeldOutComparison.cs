using Medix.Evaluation;
using Medix.Evaluation.Reports;
using Medix.Rewards;
using Medix.Runs;
using Medix.Training.Rollouts;

namespace Medix.Training.HeldOut;

/// <summary>Before against after on the same held-out samples: differences are paired by sample, intervals clustered by picture.</summary>
public static class HeldOutComparison
{
    private const string Modality = "modality";

    /// <summary>All comparisons of the report.</summary>
    public static HeldOutReport Of(
        IReadOnlyList<HeldOutAnswers> before, IReadOnlyList<HeldOutAnswers> after, int draws, double temperature, ulong seed)
    {
        var pairs = before.Zip(after).ToList();
        Comparison Compare(string name, Func<HeldOutAnswers, double?> measure, string? modality = null) => Paired(
            modality ?? name,
            [.. pairs.Where(p => modality is null || (p.First.Sample.Modality ?? "unknown") == modality)
                .Select(p => new PairedScore(p.First.Sample.SplitKey, measure(p.First), measure(p.Second)))],
            Seed.Derive(seed, Seed.Of(name + modality)));
        string[] terms = [.. before.SelectMany(a => a.Sampled).SelectMany(r => r.Reward.Terms).Select(t => t.Term).Distinct()];
        string[] modalities = [.. before.Select(a => a.Sample.Modality ?? "unknown").Distinct().Order(StringComparer.Ordinal)];
        return new HeldOutReport(
            Reward: Compare("reward", MeanTotal),
            Greedy: Compare("greedy reward", a => a.Greedy.Reward.Total),
            Terms: [.. terms.Select(term => Compare(term, a => MeanTerm(a, term)))],
            Modalities: [.. modalities.Select(m => Compare(m, MeanTotal, m))],
            ModalityRecognition: Compare("modality recognition", a => a.Sample.Modality is null ? null : MeanTerm(a, Modality)),
            Unscored: RolloutScoring.UnscoredReasons(before.Concat(after).SelectMany(a => a.Sampled.Append(a.Greedy)).Select(r => r.Reward)),
            Draws: draws,
            Temperature: temperature);
    }

    /// <summary>Samples for reading, one question per picture, in the held-out set's order: chosen by nothing that a result could flatter.</summary>
    public static IReadOnlyList<Transcript> Transcripts(IReadOnlyList<HeldOutAnswers> before, IReadOnlyList<HeldOutAnswers> after, int count) =>
    [
        .. before.Zip(after)
            .Where(p => p.First.Sample.Images.Count > 0 || before.All(a => a.Sample.Images.Count == 0))
            .GroupBy(p => p.First.Sample.SplitKey).Select(g => g.First())
            .Take(count)
            .Select(p => new Transcript(
                p.First.Sample.Id, p.First.Sample.Images, p.First.Sample.Question, p.First.Sample.Reference, p.First.Sample.Modality,
                p.First.Greedy.Rollout.Text, p.First.Greedy.Reward, p.Second.Greedy.Rollout.Text, p.Second.Greedy.Reward)),
    ];

    private static Comparison Paired(string name, IReadOnlyList<PairedScore> scores, ulong seed)
    {
        if (!scores.Any(s => s.Before is not null && s.After is not null))
        {
            var none = new Estimate(double.NaN, double.NaN, double.NaN, 0);
            return new Comparison(name, none, none, none, double.NaN, scores.Count);
        }

        PairedComparison paired = PairedComparison.Compute(scores, seed);
        return new Comparison(name, paired.Before, paired.After, paired.Difference, paired.PValue, paired.LeftOut);
    }

    private static double? MeanTotal(HeldOutAnswers answers) => Mean(answers.Sampled.Select(r => r.Reward.Total));

    private static double? MeanTerm(HeldOutAnswers answers, string term) => Mean(answers.Sampled
        .Select(r => r.Reward.Terms.FirstOrDefault(t => t.Term == term && t.Status == TermStatus.Scored)?.Value));

    private static double? Mean(IEnumerable<double?> values)
    {
        double[] known = [.. values.Where(v => v is not null).Select(v => v!.Value)];
        return known.Length > 0 ? known.Average() : null;
    }
}
