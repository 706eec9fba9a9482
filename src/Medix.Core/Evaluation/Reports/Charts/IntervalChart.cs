using System.Xml.Linq;
using static Medix.Evaluation.Reports.Page.Html;

namespace Medix.Evaluation.Reports.Charts;

/// <summary>Before and after with their intervals on one line from 0 to 1: hollow and grey before, full and coloured after.</summary>
internal static class IntervalChart
{
    private const int Height = 30;
    private const int Pad = 8;

    /// <summary>The drawing, <paramref name="width"/> units wide, or nothing when there is no number; <paramref name="on"/> is the screens that show it.</summary>
    public static XElement? Draw(Comparison row, int width, string? on = null)
    {
        if (!double.IsFinite(row.Before.Mean) || !double.IsFinite(row.After.Mean))
        {
            return null;
        }

        double Px(double value) => Pad + (Math.Clamp(value, 0, 1) * (width - (2 * Pad)));
        string spoken = $"Before {Numbers.Score(row.Before.Mean)}, after {Numbers.Score(row.After.Mean)}, on a scale from 0 to 1.";
        return Tag(
            "svg", Class(on is null ? "intervals" : "intervals " + on), At("viewBox", $"0 0 {width} {Height}"), At("role", "img"), At("aria-label", spoken),
            Line(Px(0), Height / 2, Px(1), Height / 2, "grid"),
            new[] { 0, 0.5, 1 }.Select(t => Line(Px(t), (Height / 2) - 3, Px(t), (Height / 2) + 3, "grid")),
            Whisker(row.Before, Px, 10, "before"), Whisker(row.After, Px, 20, "after"));
    }

    private static IEnumerable<XElement> Whisker(Estimate estimate, Func<double, double> px, double y, string look) =>
    [
        .. double.IsFinite(estimate.Low + estimate.High) ? [Line(px(estimate.Low), y, px(estimate.High), y, "whisker " + look)] : Array.Empty<XElement>(),
        Tag("circle", At("cx", Numbers.Coordinate(px(estimate.Mean))), At("cy", Numbers.Coordinate(y)), At("r", "4.5"), Class("dot " + look)),
    ];

    private static XElement Line(double x1, double y1, double x2, double y2, string look) => Tag(
        "line", At("x1", Numbers.Coordinate(x1)), At("y1", Numbers.Coordinate(y1)), At("x2", Numbers.Coordinate(x2)), At("y2", Numbers.Coordinate(y2)), Class(look));
}
