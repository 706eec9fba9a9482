using Medix.Rewards;
using Medix.Runs;

namespace Medix.Evaluation.Reports;

/// <summary>
/// A report as it may leave the machine: without credentials, keys and local folders (<see cref="Redaction"/>). Questions, references and answers stay word for
/// word: they are data. The run folder's own <c>recipe.json</c> is not a report and keeps what a resumed run needs.
/// </summary>
internal static class PublishedReport
{
    /// <summary>The same report without what must not be published.</summary>
    public static TrainReport Of(TrainReport report)
    {
        Redaction redaction = RedactionOf(report);
        TrainReport facts = redaction.Apply(report with { Transcripts = [] });
        return facts with { Transcripts = [.. report.Transcripts.Select(t => Of(t, redaction))] };
    }

    /// <summary>What takes a run's settings out of any text that goes with it.</summary>
    public static Redaction RedactionOf(TrainReport report) => Redaction.Of(new { report.Recipe, report.Run, Model = report.Model.Path });

    private static Transcript Of(Transcript transcript, Redaction redaction) => transcript with
    {
        SampleId = redaction.Apply(transcript.SampleId),
        Images = [.. transcript.Images.Select(image => image with { Name = redaction.Apply(image.Name) })],
        BeforeReward = redaction.Apply<RewardReport>(transcript.BeforeReward),
        AfterReward = redaction.Apply<RewardReport>(transcript.AfterReward),
    };
}
