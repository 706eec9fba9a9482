using System.Text.Json;
using Medix.Evaluation.Reports.Figure;
using Medix.Evaluation.Reports.Page;
using Medix.Runs;

namespace Medix.Evaluation.Reports;

/// <summary>
/// Writes a run's report three times: <c>report.html</c> to read (one file that needs nothing beside itself), <c>report.json</c> to compute with
/// (pictures left out), <c>report.png</c> to show. Credentials and local
/// folders are taken out of all three. The same report always gives the same bytes.
/// </summary>
public static class TrainReportWriter
{
    /// <summary>Writes the three files into the folder, each whole or not at all; files of an earlier report are replaced.</summary>
    public static void Write(TrainReport report, string folder)
    {
        report = PublishedReport.Of(report); // a report is passed on

        // Numbers first: should drawing ever fail, they are kept.
        AtomicFile.WriteAllText(Path.Combine(folder, "report.json"), Json(report));
        AtomicFile.WriteAllText(Path.Combine(folder, "report.html"), ReportPage.Write(report));
        AtomicFile.WriteAllBytes(Path.Combine(folder, "report.png"), SummaryFigure.Draw(report));
    }

    private static string Json(TrainReport report)
    {
        IReadOnlyList<Transcript> texts = [.. report.Transcripts.Select(t => t with { Images = [] })];
        return JsonSerializer.Serialize(report with { Transcripts = texts }, EventLog.Indented);
    }
}
