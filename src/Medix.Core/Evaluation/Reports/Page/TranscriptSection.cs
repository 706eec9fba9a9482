using System.Xml.Linq;
using Medix.Rewards;
using Medix.Text;
using static Medix.Evaluation.Reports.Page.Html;

namespace Medix.Evaluation.Reports.Page;

/// <summary>Samples to read: picture, question, reference, and the greedy answers before and after with their scores.</summary>
internal static class TranscriptSection
{
    /// <summary>One card per sample.</summary>
    public static IEnumerable<XElement?> Content(TrainReport report)
    {
        yield return Tag("p", Class("notice"), At("role", "note"), TrainReport.Disclaimer);
        if (report.Transcripts.Count == 0)
        {
            yield return Tag("p", Class("soft"), "This run kept no transcripts (evaluation.transcripts is 0).");
            yield break;
        }

        yield return Tag("p", Class("soft"), "Held-out samples with the greedy answer before and after training.");
        foreach (Transcript transcript in report.Transcripts)
        {
            yield return Card(transcript);
        }
    }

    private static XElement Card(Transcript transcript) => Tag(
        "article", Class("card sample"), At("aria-label", "Sample " + transcript.SampleId),
        Tag("div", Class("pictures"), transcript.Images.Select(Picture), transcript.Images.Count == 0 ? Tag("p", Class("nopicture"), "No picture.") : null),
        Tag(
            "div",
            Tag("h3", transcript.Question),
            Tag("h4", "Reference"),
            Tag("p", Class("words"), transcript.Reference),
            Tag(
                "p", Class("small soft"),
                Tag("span", Class("tag"), transcript.Modality is null ? "Modality not known" : Labels.Of(transcript.Modality)), " " + transcript.SampleId),
            Tag(
                "div", Class("answers"),
                Answer("before", transcript.Before, transcript.BeforeReward),
                Answer("after", transcript.After, transcript.AfterReward))));

    private static XElement Picture(Data.ImageSource source, int index)
    {
        Thumbnail thumbnail = Thumbnail.Of(source);
        return thumbnail.DataUri is null
            ? Tag("p", Class("nopicture"), "This picture cannot be shown: " + thumbnail.Fault)
            : Tag("img", At("src", thumbnail.DataUri), At("alt", $"Picture {index + 1} of the sample"), At("width", $"{thumbnail.Width}"), At("height", $"{thumbnail.Height}"));
    }

    private static XElement Answer(string side, string response, RewardReport reward)
    {
        ParsedResponse parsed = ResponseParser.Parse(response);
        return Tag(
            "div", Class("answer " + side),
            Tag("h4", Labels.Of(side), parsed.Modality is null ? null : " · tagged " + Labels.Of(parsed.Modality)),
            parsed.Answer.Length > 0 ? Tag("p", Class("words"), parsed.Answer) : Tag("p", Class("words soft"), "(no answer)"),
            parsed.WellFormed ? null : Tag("p", Class("small"), Tag("span", Class("tag flag"), "not in the asked form")),
            parsed.Thinking is { Length: > 0 } thinking ? Fold("Reasoning", Tag("p", Class("words"), thinking)) : null,
            parsed.WellFormed ? null : Fold("The response as written", Tag("p", Class("words"), response)),
            Tag("ul", Class("terms"), reward.Terms.Select(Term).Prepend(Total(reward))),
            Notes(reward));
    }

    private static XElement Total(RewardReport reward) => Tag(
        "li", Class(reward.Total is null ? "total unscored" : "total"),
        Tag("span", "Reward"), Tag("span", reward.Total is { } total ? Numbers.Score(total) : "unscored"));

    private static XElement Term(TermResult term) => term.Status switch
    {
        TermStatus.Scored => Tag("li", Tag("span", Labels.Of(term.Term)), Tag("span", Numbers.Score(term.Value))),
        TermStatus.NotApplicable => Tag("li", Class("not-applicable"), Tag("span", Labels.Of(term.Term)), Tag("span", "not applicable")),
        _ => Tag("li", Class("unscored"), Tag("span", Labels.Of(term.Term)), Tag("span", "unscored")),
    };

    private static XElement? Notes(RewardReport reward)
    {
        XElement[] notes = [.. reward.Terms.Where(t => t.Note.Length > 0).Select(t => Tag("li", $"{Labels.Of(t.Term)}: {t.Note}"))];
        return notes.Length == 0 ? null : Fold("Why these scores", Tag("ul", Class("plain"), notes));
    }

    private static XElement Fold(string title, XElement content) => Tag("details", Tag("summary", title), content);
}
