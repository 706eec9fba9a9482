using System.Globalization;
using System.Xml.Linq;
using Medix.Evaluation.Reports.Charts;
using static Medix.Evaluation.Reports.Page.Html;

namespace Medix.Evaluation.Reports.Page;

/// <summary>Every measure before and after, with intervals, p-values and counts.</summary>
internal static class HeldOutSection
{
    /// <summary>Below this many samples a row is flagged: its interval is itself uncertain.</summary>
    public const int FewSamples = 20;

    /// <summary>The table.</summary>
    public static IEnumerable<XElement?> Content(TrainReport report)
    {
        HeldOutReport held = report.HeldOut;
        yield return Tag(
            "p", Class("soft"), Tag("span", Class("key before")), "before  ", Tag("span", Class("key after")), "after; lines are 95 % intervals, on a scale from 0 to 1. ",
            $"Sampled means {Numbers.Count(held.Draws, "response")} per sample at temperature {Numbers.Short(held.Temperature)}, as in training; "
            + "greedy means the one most probable response.");
        yield return Table(
            "Before and after",
            [
                Column("Measure", number: false), Column("Before"), Column("After"), Column("Difference"), Column("p"), Column("Samples"),
                Column("0 to 1", number: false),
            ],
            Rows(report));
        yield return Tag(
            "p", Class("soft small"), "The p-values are of paired sign-flip tests and not corrected for the number of rows: by chance alone one row in twenty is below 0.05. ",
            $"Rows with fewer than {FewSamples} samples are marked; read them as hints.");
        yield return Unscored(held.Unscored);
    }

    private static IEnumerable<XElement> Rows(TrainReport report)
    {
        HeldOutReport held = report.HeldOut;
        yield return Group("Composite reward");
        yield return Row(held.Reward, "Reward, sampled", null);
        yield return Row(held.Greedy, "Reward, greedy", null);
        if (held.Terms.Count > 0)
        {
            yield return Group("Reward terms, sampled");
        }

        foreach (Comparison term in held.Terms)
        {
            double? weight = Labels.Weight(report.Recipe.Reward, term.Name);
            string? share = weight is null ? null : $"Weight {weight.Value.ToString("0.###", CultureInfo.InvariantCulture)}. ";
            yield return Row(term, Labels.Of(term.Name), share + Labels.Meaning(term.Name));
        }

        yield return Group("Modality, sampled");
        yield return Row(held.ModalityRecognition, "Modality recognition", "Share of responses with the right tag, where the tag is known.");
        foreach (Comparison modality in held.Modalities)
        {
            yield return Row(modality, "Reward: " + Labels.Of(modality.Name), null);
        }
    }

    private static XElement Group(string name) => Tag("tr", Class("group"), Tag("th", At("colspan", "7"), At("scope", "rowgroup"), name));

    private static XElement Row(Comparison row, string name, string? note) => Tag(
        "tr",
        Tag("th", At("scope", "row"), name, string.IsNullOrEmpty(note) ? null : Tag("small", note)),
        Cell(Numbers.Score(row.Before.Mean), Numbers.Range(row.Before)),
        Cell(Numbers.Score(row.After.Mean), Numbers.Range(row.After)),
        Cell(Numbers.Signed(row.Difference.Mean), Numbers.SignedRange(row.Difference), Look(row.Difference)),
        Tag("td", Class("n"), Numbers.PValue(row.PValue)),
        Tag(
            "td", Class("n"), Numbers.Count(row.Difference.Count), row.LeftOut > 0 ? Tag("small", $"{Numbers.Count(row.LeftOut)} left out") : null,
            row.Difference.Count < FewSamples ? Tag("small", Tag("span", Class("tag flag"), "few")) : null),
        Tag("td", IntervalChart.Draw(row, 190)));

    private static XElement Cell(string value, string range, string? look = null) =>
        Tag("td", Class("n"), look is null ? value : Tag("span", Class(look), value), range == Numbers.None ? null : Tag("small", range));

    private static string? Look(Estimate difference) => difference.Low > 0 ? "up" : difference.High < 0 ? "down" : null;

    private static XElement? Unscored(IReadOnlyDictionary<string, int> reasons) => reasons.Count == 0 ? null : Tag(
        "div", Tag("p", Class("small"), "Held-out responses that could not be scored and enter no number (an unscored response is not a zero):"),
        Tag("ul", Class("plain"), reasons.OrderByDescending(r => r.Value).ThenBy(r => r.Key, StringComparer.Ordinal).Select(r => Tag("li", $"{Numbers.Count(r.Value)}: {r.Key}"))));
}
