using System.Globalization;
using System.Xml.Linq;
using static Medix.Evaluation.Reports.Page.Html;

namespace Medix.Evaluation.Reports.Page;

/// <summary>The report as one page that needs nothing beside itself: no script, no font, no network.</summary>
internal static class ReportPage
{
    private static readonly Section[] Sections =
    [
        new("held-out", "Held-out samples, before and after", HeldOutSection.Content),
        new("training", "Training, step by step", TrainingSection.Content),
        new("transcripts", "Sample transcripts", TranscriptSection.Content),
        new("data", "Data, and what was left out", DataSection.Content),
        new("cost", "Time and tokens", CostSection.Content),
        new("identity", "Recipe and model", IdentitySection.Content),
    ];

    /// <summary>The whole page.</summary>
    public static string Write(TrainReport report)
    {
        string name = Name(report);
        return Html.Write(Tag(
            "html", At("lang", "en"),
            Tag(
                "head",
                Tag("meta", At("charset", "utf-8")),
                Tag("meta", At("name", "viewport"), At("content", "width=device-width, initial-scale=1")),
                Tag("meta", At("name", "referrer"), At("content", "no-referrer")),
                Tag("title", $"{name} – Medix training report"),
                Tag("style", Resources.Text("report.css"))),
            Tag(
                "body",
                Header(report, name),
                Tag("main", HeadlineSection.Content(report), Sections.Select(s => Whole(s, report))),
                Tag("footer", Tag("p", $"Medix training report of {name}. {TrainReport.Disclaimer}")))));
    }

    /// <summary>The run's name: the last part of its folder.</summary>
    public static string Name(TrainReport report)
    {
        string folder = Path.GetFileName(Path.TrimEndingDirectorySeparator(report.Run));
        return folder.Length > 0 ? folder : report.Recipe.Name;
    }

    private static XElement Header(TrainReport report, string name) => Tag(
        "header",
        Tag("h1", $"Training report: {name}"),
        Tag("p", Class("soft"), Subtitle(report)),
        Tag("p", Class("notice"), At("role", "note"), TrainReport.Disclaimer),
        Tag("nav", At("aria-label", "Contents"), Tag("ul", Sections.Select(s => Tag("li", Tag("a", At("href", "#" + s.Id), s.Title))))));

    private static string Subtitle(TrainReport report)
    {
        string preset = report.Recipe.Algorithm.Preset.ToUpperInvariant();
        string started = report.Started.ToString("d MMMM yyyy, HH:mm (zzz)", CultureInfo.InvariantCulture);
        string warm = report.WarmStart.Count > 0 ? Numbers.Count(report.WarmStart.Count, "supervised step") + ", then " : "";
        return $"{warm}{Numbers.Count(report.Steps.Count, $"{preset} step")} on {report.Data.Source}. Started {started}, took {Numbers.Duration(report.Seconds)}.";
    }

    private static XElement Whole(Section section, TrainReport report) => Tag(
        "section", At("id", section.Id), At("aria-labelledby", section.Id + "-title"),
        Tag("h2", At("id", section.Id + "-title"), section.Title), section.Content(report));

    private sealed record Section(string Id, string Title, Func<TrainReport, IEnumerable<XElement?>> Content);
}
