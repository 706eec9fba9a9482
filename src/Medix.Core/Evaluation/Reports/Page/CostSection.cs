using System.Globalization;
using System.Xml.Linq;
using static Medix.Evaluation.Reports.Page.Html;

namespace Medix.Evaluation.Reports.Page;

/// <summary>Where the time went.</summary>
internal static class CostSection
{
    /// <summary>Totals and time by phase.</summary>
    public static IEnumerable<XElement?> Content(TrainReport report)
    {
        yield return Tag("dl", Class("facts"), Facts(report));
        double named = report.PhaseSeconds.Values.Where(double.IsFinite).Sum();
        double whole = Math.Max(report.Seconds, named);
        double rest = whole - named;
        IEnumerable<KeyValuePair<string, double>> phases = report.PhaseSeconds.Where(p => double.IsFinite(p.Value)).OrderByDescending(p => p.Value);
        phases = rest > whole * 0.005 ? phases.Append(new("everything else", rest)) : phases;
        yield return Table(
            "Time by phase", [Column("Phase", number: false), Column("Time"), Column("Share"), Column("", number: false)],
            phases.Select(p => Row(p.Key, p.Value, whole > 0 ? p.Value / whole : 0)));
    }

    private static XElement Row(string phase, double seconds, double share) => Tag(
        "tr", Tag("th", At("scope", "row"), Labels.Of(phase)), Tag("td", Class("n"), Numbers.Duration(seconds)), Tag("td", Class("n"), Numbers.Percent(share)),
        Tag("td", Class("wide"), Tag("span", Class("bar"), At("style", $"width:{(share * 100).ToString("0.#", CultureInfo.InvariantCulture)}%"))));

    private static IEnumerable<XElement> Facts(TrainReport report)
    {
        yield return Fact("Wall time", Numbers.Duration(report.Seconds));
        yield return Fact("Largest memory", Numbers.Bytes(report.PeakMemoryBytes));
        if (report.Steps.Count == 0)
        {
            yield break;
        }

        long tokens = report.Steps.Sum(s => s.Tokens);
        double rollout = report.Steps.Sum(s => s.PhaseSeconds.GetValueOrDefault("rollout"));
        yield return Fact("Time per step", Numbers.Duration(report.Steps.Average(s => s.Seconds)));
        yield return Fact("Responses drawn", Numbers.Count(report.Steps.Sum(s => (long)s.Rollouts)));
        yield return Fact("Response tokens drawn", Numbers.Count(tokens) + (rollout > 0 ? $", {Numbers.Short(tokens / rollout)} per second of drawing" : ""));
    }

    private static XElement Fact(string name, string value) => Tag("div", Tag("dt", name), Tag("dd", value));
}
