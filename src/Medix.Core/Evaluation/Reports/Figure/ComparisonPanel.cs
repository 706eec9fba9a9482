using SkiaSharp;

namespace Medix.Evaluation.Reports.Figure;

/// <summary>Held-out means before and after as pairs of bars from 0 to 1 with their 95 % intervals, grouped into rewards, terms and modalities.</summary>
internal static class ComparisonPanel
{
    private const float Letters = 15;

    /// <summary>Draws within the rectangle; rows share the height.</summary>
    public static void Draw(Sketch sketch, HeldOutReport held, SKRect place)
    {
        Row[] rows = [.. Rows(held)];
        int gaps = rows.Count(r => r.StartsGroup);
        SKRect plot = new(place.Left + 200, place.Top + 20, place.Right - 120, place.Bottom - 28);
        double each = Math.Min(52, plot.Height / (rows.Length + (0.5 * gaps)));
        Heading(sketch, place, plot);
        double y = plot.Top;
        double bottom = plot.Top + (each * (rows.Length + (0.5 * gaps)));
        foreach (double tick in new[] { 0, 0.25, 0.5, 0.75, 1 })
        {
            double x = plot.Left + (tick * plot.Width);
            sketch.Line(x, plot.Top, x, bottom, Ink.Grid);
            sketch.Text(tick.ToString("0.##", System.Globalization.CultureInfo.InvariantCulture), x, bottom + 22, Letters, Ink.Soft, SKTextAlign.Center);
        }

        foreach (Row row in rows)
        {
            y += row.StartsGroup ? each * 0.5 : 0;
            Pair(sketch, row, place, plot, y, each);
            y += each;
        }
    }

    private static void Heading(Sketch sketch, SKRect place, SKRect plot)
    {
        sketch.Text("Held-out, before and after", place.Left, place.Top + 6, 18, Ink.Text, bold: true);
        sketch.Bar(plot.Left + 230, place.Top - 6, plot.Left + 250, place.Top + 6, Ink.Before);
        sketch.Text("before", plot.Left + 258, place.Top + 6, Letters, Ink.Soft);
        sketch.Bar(plot.Left + 328, place.Top - 6, plot.Left + 348, place.Top + 6, Ink.After);
        sketch.Text("after", plot.Left + 356, place.Top + 6, Letters, Ink.Soft);
    }

    private static void Pair(Sketch sketch, Row row, SKRect place, SKRect plot, double y, double each)
    {
        Comparison values = row.Values;
        double thick = each * 0.36;
        float letters = (float)Math.Clamp(each * 0.5, 10, Letters);
        double baseline = y + (each * 0.5) + (letters * 0.36);
        sketch.Text(row.Label, plot.Left - 12, baseline, letters, Ink.Text, SKTextAlign.Right, bold: row.Strong, most: plot.Left - place.Left - 12);
        Bar(sketch, values.Before, plot, y + (each * 0.12), thick, Ink.Before);
        Bar(sketch, values.After, plot, y + (each * 0.12) + thick, thick, Ink.After);
        sketch.Text(Numbers.Signed(values.Difference.Mean), plot.Right + 66, baseline, letters, Ink.Text, SKTextAlign.Right, bold: row.Strong);
        sketch.Text($"n {Numbers.Count(values.Difference.Count)}", place.Right, baseline, letters * 0.9f, Ink.Soft, SKTextAlign.Right);
    }

    private static void Bar(Sketch sketch, Estimate estimate, SKRect plot, double y, double thick, SKColor color)
    {
        if (!double.IsFinite(estimate.Mean))
        {
            return;
        }

        double Px(double value) => plot.Left + (Math.Clamp(value, 0, 1) * plot.Width);
        sketch.Bar(plot.Left, y, Math.Max(Px(estimate.Mean), plot.Left + 1.5), y + thick, color);
        if (double.IsFinite(estimate.Low + estimate.High))
        {
            double middle = y + (thick / 2);
            sketch.Line(Px(estimate.Low), middle, Px(estimate.High), middle, Ink.Text, 1.4f);
            sketch.Line(Px(estimate.Low), middle - 3, Px(estimate.Low), middle + 3, Ink.Text, 1.4f);
            sketch.Line(Px(estimate.High), middle - 3, Px(estimate.High), middle + 3, Ink.Text, 1.4f);
        }
    }

    private static IEnumerable<Row> Rows(HeldOutReport held) =>
    [
        new("Reward", held.Reward, false, Strong: true),
        new("Reward, greedy", held.Greedy, false),
        .. held.Terms.Select((t, i) => new Row(Labels.Of(t.Name), t, i == 0)),
        .. held.Modalities.Select((m, i) => new Row(Labels.Of(m.Name), m, i == 0)),
    ];

    private sealed record Row(string Label, Comparison Values, bool StartsGroup, bool Strong = false);
}
