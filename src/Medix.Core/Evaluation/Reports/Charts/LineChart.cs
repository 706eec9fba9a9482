using System.Text;
using System.Xml.Linq;
using static Medix.Evaluation.Reports.Page.Html;

namespace Medix.Evaluation.Reports.Charts;

/// <summary>
/// A chart over steps as inline SVG: each series faint as measured and bold as smoothed. Colours come from the page's style sheet, so that they
/// follow light and dark. Letters keep their size because a chart is drawn for about the width at which it is shown.
/// </summary>
internal sealed record LineChart(string Title, string Note, IReadOnlyList<Series> Series, string Across = "step")
{
    /// <summary>The figure: heading, note, legend and drawing. A wide figure carries a second drawing for narrow screens.</summary>
    public XElement Figure(bool wide = false) => Tag(
        "figure", Class(wide ? "chart wide" : "chart"),
        Tag("figcaption", Tag("h3", Title), Tag("p", Note), Series.Count > 1 ? Legend() : null),
        wide ? Draw(1000, 300, "on-wide") : null,
        wide ? Draw(320, 230, "on-narrow") : Draw(320, 190, null));

    private XElement Legend() => Tag("ul", Class("legend"), Series.Select((s, i) => Tag("li", Class($"s{i % 5}"), s.Name)));

    private XElement Draw(int width, int height, string? on)
    {
        const int left = 58, top = 10, bottom = 34, right = 12;
        double[] steps = [.. Series.SelectMany(s => s.X).Where(double.IsFinite)];
        Axis x = Axis.Over(steps, width > 500 ? 10 : 4, whole: true).Within(steps.Min(), steps.Max());
        Axis y = Axis.Over(Series.SelectMany(s => s.Y), 4);
        double Px(double value) => left + (x.Share(value) * (width - left - right));
        double Py(double value) => height - bottom - (y.Share(value) * (height - bottom - top));

        return Tag(
            "svg", At("viewBox", $"0 0 {width} {height}"), At("role", "img"), At("aria-label", Description()), on is null ? null : Class(on),
            y.Ticks.Select(t => Line(left, Py(t), width - right, Py(t), "grid")),
            y.Ticks.Select(t => Text(left - 7, Py(t) + 4, "end", y.Label(t))),
            x.Ticks.Select(t => Text(Px(t), height - 17, "middle", x.Label(t))),
            Text(width - right, height - 3, "end", Across),
            Series.Count > 3 ? null : Series.Select((s, i) => Curve(s.Thinned(), Px, Py, $"raw s{i % 5}")),
            Series.Select((s, i) => Curve(s.Smoothed().Thinned(), Px, Py, $"curve s{i % 5}")));
    }

    /// <summary>What a reader who cannot see the chart is told: from where to where each line goes.</summary>
    private string Description() => $"{Title}, over {Series[0].X.Count} points of {Across}. " + string.Join(" ", Series.Select(s =>
    {
        double[] values = [.. s.Smoothed().Y.Where(double.IsFinite)];
        return values.Length == 0 ? $"{s.Name}: no values." : $"{s.Name}: from {Numbers.Short(values[0])} to {Numbers.Short(values[^1])}.";
    }));

    private static XElement? Curve(Series series, Func<double, double> px, Func<double, double> py, string look)
    {
        StringBuilder path = new();
        bool down = false;
        int last = series.Y.Count - 1;
        for (int i = 0; i <= last; i++)
        {
            bool there = double.IsFinite(series.Y[i]);
            if (there)
            {
                path.Append(down ? 'L' : 'M').Append(Numbers.Coordinate(px(series.X[i]))).Append(' ').Append(Numbers.Coordinate(py(series.Y[i])));
                bool alone = !down && (i == last || !double.IsFinite(series.Y[i + 1]));
                path.Append(alone ? "h0.1" : ""); // a line needs a length to be seen
            }

            down = there;
        }

        return path.Length == 0 ? null : Tag("path", At("d", path.ToString()), Class(look));
    }

    private static XElement Line(double x1, double y1, double x2, double y2, string look) => Tag(
        "line", At("x1", Numbers.Coordinate(x1)), At("y1", Numbers.Coordinate(y1)), At("x2", Numbers.Coordinate(x2)), At("y2", Numbers.Coordinate(y2)), Class(look));

    private static XElement Text(double x, double y, string anchor, string text) =>
        Tag("text", At("x", Numbers.Coordinate(x)), At("y", Numbers.Coordinate(y)), At("text-anchor", anchor), text);
}
