using System.Text.Json;
using Medix.Runs;

namespace Medix.Evaluation.Reports;

/// <summary>Writes a run's report.</summary>
public static class TrainReportWriter
{
    /// <summary>Writes <c>report.json</c>.</summary>
    public static void Write(TrainReport report, string folder) =>
        AtomicFile.WriteAllText(Path.Combine(folder, "report.json"), JsonSerializer.Serialize(report with { Transcripts = [] }, EventLog.Indented));
}
