using System.Xml.Linq;
using static Medix.Evaluation.Reports.Page.Html;

namespace Medix.Evaluation.Reports.Page;

/// <summary>What was read, how it was split, and everything that was left out on the way, with the reason.</summary>
internal static class DataSection
{
    /// <summary>Counts, modalities and what was left out.</summary>
    public static IEnumerable<XElement?> Content(TrainReport report)
    {
        DataSummary data = report.Data;
        yield return Tag(
            "p", $"{Numbers.Count(data.TrainingSamples, "training sample")} over {Numbers.Count(data.TrainingPictures, "picture")} and "
            + $"{Numbers.Count(data.HeldOutSamples, "held-out sample")} over {Numbers.Count(data.HeldOutPictures, "picture")}, from {data.Source}. "
            + "A picture is on one side only.");
        yield return Tag("p", Class("soft small"), "SHA-256 of the data: ", Tag("code", data.Hash));
        yield return Tag("div", Class("two"), Modalities(data), LeftOut(report));
        yield return data.LeftOutExamples.Count == 0 ? null : Tag(
            "details", Tag("summary", "Examples of rows left out"), Tag("ul", Class("plain"), data.LeftOutExamples.Select(e => Tag("li", e))));
    }

    private static XElement? Modalities(DataSummary data)
    {
        string[] names = [.. data.TrainingByModality.Keys.Concat(data.HeldOutByModality.Keys).Distinct().Order(StringComparer.Ordinal)];
        bool training = data.TrainingByModality.Count > 0; // generated training data is not counted by modality
        return names.Length == 0 ? null : Table(
            "Samples by modality",
            [Column("Modality", number: false), .. training ? [Column("Training")] : Array.Empty<XElement>(), Column("Held out")],
            names.Select(n => Tag(
                "tr", Tag("th", At("scope", "row"), Labels.Of(n)),
                training ? Tag("td", Class("n"), Numbers.Count(data.TrainingByModality.GetValueOrDefault(n))) : null,
                Tag("td", Class("n"), Numbers.Count(data.HeldOutByModality.GetValueOrDefault(n))))));
    }

    private static XElement LeftOut(TrainReport report)
    {
        XElement[] rows =
        [
            .. Reasons("Rows of the data", report.Data.LeftOut),
            .. Reasons("Groups of training responses", Sum(report.Steps.Select(s => s.GroupsFiltered))),
            .. Reasons("Training responses not scored", Sum(report.Steps.Select(s => s.Unscored))),
            .. Reasons("Held-out responses not scored", report.HeldOut.Unscored),
        ];
        return rows.Length == 0
            ? Tag("p", Class("card small"), "Nothing was left out: every row, group and response was used.")
            : Table("Left out", [Column("Left out, and why", number: false), Column("Count")], rows);
    }

    private static IEnumerable<XElement> Reasons(string what, IReadOnlyDictionary<string, int> counts) => counts.All(c => c.Value == 0) ? [] :
    [
        Tag("tr", Class("group"), Tag("th", At("colspan", "2"), At("scope", "rowgroup"), what)),
        .. counts.Where(c => c.Value > 0).OrderByDescending(c => c.Value).ThenBy(c => c.Key, StringComparer.Ordinal)
            .Select(c => Tag("tr", Tag("th", At("scope", "row"), Labels.Of(c.Key)), Tag("td", Class("n"), Numbers.Count(c.Value)))),
    ];

    private static Dictionary<string, int> Sum(IEnumerable<IReadOnlyDictionary<string, int>> steps) =>
        steps.SelectMany(s => s).GroupBy(c => c.Key, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Sum(c => c.Value), StringComparer.Ordinal);
}
