using System.Text.Json.Serialization;
using Medix.Judging;
using Medix.Runs;
using Microsoft.Extensions.AI;

namespace Medix.Rewards;

/// <summary>What MediX-R1's reward function is given, with its field names in JSON: the response and the solution with its tag.</summary>
public sealed record MedixR1Input
{
    /// <summary>The model's text.</summary>
    [JsonPropertyName("response")]
    public required string? Response { get; init; }

    /// <summary><c>&lt;MODALITY&gt;</c>, newline, answer.</summary>
    [JsonPropertyName("ground_truth")]
    public required string? GroundTruth { get; init; }
}

/// <summary>
/// MediX-R1's composite reward with its rules and its defects, for comparison with published scores (arXiv 2602.23363): the first answer block is graded
/// wherever it stands, an answer with a colon or of one character scores 0, and a judge or embedder that fails counts as a wrong answer. The total is
/// summed in the original's order, so it is equal to the last bit.
/// </summary>
/// <param name="judge">A judge; for the original's scores one made with <see cref="JudgeProtocol.MedixR1"/>.</param>
/// <param name="embedder">Embeds answers and references.</param>
/// <param name="formatWeight">Weight of the format term in [0, 1]; the others share the rest as 0.575, 0.375 and 0.05.</param>
public sealed class MedixR1Reward(Judge judge, IEmbeddingGenerator<string, Embedding<float>> embedder, double formatWeight = 0.1)
{
    private const double Threshold = 0.8;
    private const string Failed = "failed and counted as 0, as in MediX-R1: ";

    /// <summary>
    /// Scores a batch; equal pairs are judged and embedded once. As in the original, a null response, or a null solution beside a response with a thinking
    /// tag, is an error of the whole batch.
    /// </summary>
    public async Task<IReadOnlyList<RewardReport>> ScoreAsync(IReadOnlyList<MedixR1Input> inputs, CancellationToken cancellationToken)
    {
        Work[] works = [.. inputs.Select(Prepare)];
        Unique<TextPair> open = new([.. works.Where(work => work.Settled is null).Select(work => new TextPair(work.Answer, work.Reference!))]);
        Queue<TermResult> judged = new(open.Spread(await JudgeAsync(open.Items, cancellationToken).ConfigureAwait(false)));
        Queue<TermResult> compared = new(open.Spread(await CompareAsync(open.Items, cancellationToken).ConfigureAwait(false)));
        return [.. works.Select(work => Report(
            work,
            work.Settled is double right ? TermResult.Scored(RewardTerms.Judge, right, work.Note) : judged.Dequeue(),
            work.Settled is double same ? TermResult.Scored(RewardTerms.Embedding, same, work.Note) : compared.Dequeue()))];
    }

    private static Work Prepare(MedixR1Input input, int index)
    {
        if (input.Response is null)
        {
            throw new MedixException(
                $"Response {index} of the batch is null; MediX-R1's reward needs a text (it may be empty). Leave the row out or give its text.");
        }

        string normalised = MedixR1Rules.Normalise(input.Response);
        bool thinking = MedixR1Rules.HasThinking(normalised);
        if (input.GroundTruth is null && thinking)
        {
            throw new MedixException(
                $"The solution of row {index} is null; MediX-R1's reward needs <MODALITY>, a newline and the answer. Leave the row out or give it.");
        }

        bool modality = thinking && MedixR1Rules.HasModality(normalised, input.GroundTruth!);
        string answer = MedixR1Rules.Answer(normalised);
        return new Work(MedixR1Rules.HasFormat(normalised), modality, answer, MedixR1Rules.Reference(input.GroundTruth));
    }

    private async Task<TermResult[]> JudgeAsync(TextPair[] pairs, CancellationToken cancellationToken)
    {
        JudgeCase[] cases = [.. pairs.Select(pair => new JudgeCase("", pair.Second, pair.First))];
        IReadOnlyList<Verdict> verdicts = await judge.JudgeAsync(cases, cancellationToken).ConfigureAwait(false);
        return [.. verdicts.Select(verdict =>
        {
            string note = verdict.Equivalent is null ? Failed + verdict.Reason : verdict.Reason;
            return TermResult.Scored(RewardTerms.Judge, verdict.Equivalent == true ? 1 : 0, $"{verdict.Judge}: {note}");
        })];
    }

    private async Task<TermResult[]> CompareAsync(TextPair[] pairs, CancellationToken cancellationToken)
    {
        Similarity[] similarities = await TextPairs.CompareAsync(embedder, pairs, MedixR1Rules.Cosine, cancellationToken).ConfigureAwait(false);
        return [.. similarities.Select(similarity => TermResult.Scored(
            RewardTerms.Embedding, similarity.Cosine >= Threshold ? 1 : 0, similarity.Failure is null ? "" : Failed + similarity.Failure))];
    }

    private RewardReport Report(Work work, TermResult accuracy, TermResult similarity)
    {
        double format = work.Format ? 1 : 0;
        double modality = work.Modality ? 1 : 0;

        // In this order: the sum is then the original's to the last bit.
        double rest = 1 - formatWeight;
        double total = (rest * 0.575 * accuracy.Value) + (rest * 0.375 * similarity.Value) + (rest * 0.05 * modality) + (formatWeight * format);
        return new RewardReport(
            total, [TermResult.Scored(RewardTerms.Format, format), accuracy, similarity, TermResult.Scored(RewardTerms.Modality, modality)]);
    }

    /// <summary>One row after its texts were read.</summary>
    private sealed record Work(bool Format, bool Modality, string Answer, string? Reference)
    {
        /// <summary>The value of both accuracy terms where neither judge nor embedder is asked.</summary>
        public double? Settled { get; } =
            Reference is null || MedixR1Rules.IsInvalid(Answer) ? 0 : string.Equals(Answer, Reference, StringComparison.Ordinal) ? 1 : null;

        public string Note => Settled == 1 ? "same text" : Reference is null ? "the solution has no tag" : "invalid by MediX-R1's rule";
    }
}
