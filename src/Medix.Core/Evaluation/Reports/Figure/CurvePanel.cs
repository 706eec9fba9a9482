using Medix.Evaluation.Reports.Charts;
using SkiaSharp;

namespace Medix.Evaluation.Reports.Figure;

/// <summary>Lines over steps: faint as measured where asked for, bold as smoothed.</summary>
internal sealed record CurvePanel(string Title, string Across, IReadOnlyList<Series> Lines, bool ShowRaw)
{
    private const float Letters = 15;

    /// <summary>Draws within the rectangle.</summary>
    public void Draw(Sketch sketch, SKRect place)
    {
        double[] steps = [.. Lines.SelectMany(s => s.X)];
        Axis x = Axis.Over(steps, 8, whole: true).Within(steps.Min(), steps.Max());
        Axis y = Axis.Over(Lines.SelectMany(s => ShowRaw ? s.Y : s.Smoothed().Y), 5);
        SKRect plot = new(place.Left + 52, place.Top + 24, place.Right, place.Bottom - 28);
        double Px(double value) => plot.Left + (x.Share(value) * plot.Width);
        double Py(double value) => plot.Bottom - (y.Share(value) * plot.Height);

        Heading(sketch, place);
        foreach (double tick in y.Ticks)
        {
            sketch.Line(plot.Left, Py(tick), plot.Right, Py(tick), Ink.Grid);
            sketch.Text(y.Label(tick), plot.Left - 10, Py(tick) + 5, Letters, Ink.Soft, SKTextAlign.Right);
        }

        foreach (double tick in x.Ticks.Where(t => Px(t) < plot.Right - 90))
        {
            sketch.Text(x.Label(tick), Px(tick), plot.Bottom + 22, Letters, Ink.Soft, SKTextAlign.Center);
        }

        sketch.Text($"{Across} {Numbers.Count((long)steps.Max())}", plot.Right, plot.Bottom + 22, Letters, Ink.Soft, SKTextAlign.Right);
        for (int i = 0; i < Lines.Count; i++)
        {
            if (ShowRaw)
            {
                sketch.Curve(Points(Lines[i], Px, Py), Ink.Of(i).WithAlpha(80), 1.2f);
            }

            sketch.Curve(Points(Lines[i].Smoothed(), Px, Py), Ink.Of(i), 3);
        }
    }

    /// <summary>Title and, beside it, the key of the lines.</summary>
    private void Heading(Sketch sketch, SKRect place)
    {
        sketch.Text(Title, place.Left, place.Top + 6, 18, Ink.Text, bold: true);
        double at = place.Right;
        for (int i = Lines.Count - 1; i >= 0 && Lines.Count > 1; i--)
        {
            at -= sketch.Width(Lines[i].Name, Letters);
            sketch.Text(Lines[i].Name, at, place.Top + 6, Letters, Ink.Of(i));
            at -= 26;
            sketch.Line(at, place.Top + 1, at + 18, place.Top + 1, Ink.Of(i), 4);
            at -= 20;
        }
    }

    private static IEnumerable<SKPoint> Points(Series series, Func<double, double> px, Func<double, double> py) =>
        series.Y.Select((y, i) => new SKPoint((float)px(series.X[i]), (float)py(y)));
}
