using Medix.Evaluation.Reports.Charts;
using Medix.Evaluation.Reports.Page;
using SkiaSharp;

namespace Medix.Evaluation.Reports.Figure;

/// <summary>A run in one picture: on the left how the reward went, on the right what it came to on held-out samples.</summary>
internal static class SummaryFigure
{
    /// <summary>Pixels across.</summary>
    public const int Width = 1600;

    /// <summary>Pixels down.</summary>
    public const int Height = 900;

    private const int Margin = 48;
    private const int Middle = 860;
    private const int Top = 150;
    private const int Bottom = Height - 52;

    /// <summary>The figure as PNG.</summary>
    public static byte[] Draw(TrainReport report)
    {
        using Sketch sketch = new(Width, Height);
        Title(sketch, report);
        CurvePanel[] panels = [.. Panels(report)];
        double each = (Bottom - Top) / (double)Math.Max(1, panels.Length);
        for (int i = 0; i < panels.Length; i++)
        {
            panels[i].Draw(sketch, new SKRect(Margin, (float)(Top + (i * each)), Middle - 60, (float)(Top + ((i + 1) * each) - (i + 1 < panels.Length ? 26 : 0))));
        }

        if (panels.Length == 0)
        {
            sketch.Text("No training steps", Margin, Top + 20, 18, Ink.Soft);
        }

        ComparisonPanel.Draw(sketch, report.HeldOut, new SKRect(Middle, Top, Width - Margin, Bottom));
        sketch.Text(Foot(report), Margin, Height - 18, 14, Ink.Soft, most: Width - (2 * Margin));
        return sketch.ToPng();
    }

    private static void Title(Sketch sketch, TrainReport report)
    {
        Comparison reward = report.HeldOut.Reward;
        string change = reward.Difference.Count == 0
            ? "no held-out sample was scored on both sides"
            : $"{Numbers.Score(reward.Before.Mean)} → {Numbers.Score(reward.After.Mean)}   "
                + $"difference {Numbers.Signed(reward.Difference.Mean)} (95 % interval {Numbers.SignedRange(reward.Difference)}), n = {Numbers.Count(reward.Difference.Count)}";
        sketch.Text(ReportPage.Name(report), Margin, 58, 30, Ink.Text, bold: true, most: Width - (2 * Margin));
        sketch.Text("Held-out reward  " + change, Margin, 96, 20, Ink.Accent, most: Width - (2 * Margin));
    }

    private static IEnumerable<CurvePanel> Panels(TrainReport report)
    {
        if (report.Steps.Count > 0)
        {
            yield return new CurvePanel("Training reward", "step", [TrainingSection.Of(report, "reward", s => s.Reward)], ShowRaw: true);
            Series[] terms = [.. TrainingSection.TermSeries(report)];
            if (terms.Length > 0)
            {
                yield return new CurvePanel("Reward terms", "step", terms, ShowRaw: false);
            }
        }
        else if (report.WarmStart.Count > 0)
        {
            Series loss = new("loss", [.. report.WarmStart.Select(w => (double)w.Step)], [.. report.WarmStart.Select(w => w.Loss)]);
            yield return new CurvePanel("Warm start loss, nats per token", "supervised step", [loss], ShowRaw: true);
        }
    }

    private static string Foot(TrainReport report)
    {
        int window = Series.Window(report.Steps.Count);
        string smooth = window > 1 ? $"Lines are means over {window} steps. " : "";
        return $"{smooth}Whiskers are 95 % intervals. {Labels.Of(report.JudgeName)}, {report.EmbedderName}. {TrainReport.Disclaimer}";
    }
}
