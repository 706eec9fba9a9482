using SkiaSharp;

namespace Medix.Evaluation.Reports.Figure;

/// <summary>The colours of the summary figure: those of the page in daylight. Series colours stay apart for colour-blind readers.</summary>
internal static class Ink
{
    public static readonly SKColor Text = new(0x1c, 0x24, 0x30);
    public static readonly SKColor Soft = new(0x56, 0x60, 0x70);
    public static readonly SKColor Grid = new(0xe4, 0xe7, 0xe6);
    public static readonly SKColor Before = new(0xbd, 0xc3, 0xca);
    public static readonly SKColor After = new(0x4f, 0x9a, 0xb4); // light enough for the interval drawn over it
    public static readonly SKColor Accent = new(0x17, 0x63, 0x7f);

    private static readonly SKColor[] SeriesColors =
        [Accent, new(0xbf, 0x5b, 0x16), new(0x2f, 0x7d, 0x4f), new(0x7a, 0x4c, 0x9e), new(0xa3, 0x30, 0x4f)];

    /// <summary>The colour of the series at this place.</summary>
    public static SKColor Of(int series) => SeriesColors[series % SeriesColors.Length];
}
