using SkiaSharp;

namespace Medix.Evaluation.Reports.Figure;

/// <summary>
/// A canvas with just what the summary figure needs. Letters are DejaVu Sans carried inside the assembly, because Skia's build without
/// dependencies finds no fonts of the system, and so that the figure is the same on every machine.
/// </summary>
internal sealed class Sketch : IDisposable
{
    private readonly SKTypeface _typeface;
    private readonly SKSurface _surface;

    /// <summary>A white canvas.</summary>
    public Sketch(int width, int height)
    {
        using Stream font = Resources.Open("DejaVuSans.ttf");
        _typeface = SKTypeface.FromStream(font);
        _surface = SKSurface.Create(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        _surface.Canvas.Clear(SKColors.White);
    }

    /// <summary>Writes one line of text with its baseline at <paramref name="y"/>; text wider than <paramref name="most"/> is cut with an ellipsis.</summary>
    public void Text(string text, double x, double y, float size, SKColor color, SKTextAlign align = SKTextAlign.Left, bool bold = false, double most = double.PositiveInfinity)
    {
        using SKFont font = new(_typeface, size) { Embolden = bold, Edging = SKFontEdging.Antialias, Subpixel = true };
        using SKPaint paint = new() { Color = color, IsAntialias = true };
        string shown = text;
        for (int length = text.Length - 1; length > 0 && font.MeasureText(shown) > most; length--)
        {
            shown = text[..length].TrimEnd() + "…";
        }

        _surface.Canvas.DrawText(shown, (float)x, (float)y, align, font, paint);
    }

    /// <summary>How wide a text is.</summary>
    public double Width(string text, float size)
    {
        using SKFont font = new(_typeface, size);
        return font.MeasureText(text);
    }

    /// <summary>A straight line.</summary>
    public void Line(double x1, double y1, double x2, double y2, SKColor color, float width = 1)
    {
        using SKPaint paint = Stroke(color, width);
        _surface.Canvas.DrawLine((float)x1, (float)y1, (float)x2, (float)y2, paint);
    }

    /// <summary>A line through points; a point that is not a number breaks it.</summary>
    public void Curve(IEnumerable<SKPoint> points, SKColor color, float width)
    {
        using SKPathBuilder path = new();
        bool down = false;
        foreach (SKPoint point in points)
        {
            bool there = float.IsFinite(point.X) && float.IsFinite(point.Y);
            if (there && down)
            {
                path.LineTo(point);
            }
            else if (there)
            {
                path.MoveTo(point);
                path.LineTo(point.X + 0.1f, point.Y); // a line needs a length to be seen
            }

            down = there;
        }

        using SKPath whole = path.Detach();
        using SKPaint paint = Stroke(color, width);
        _surface.Canvas.DrawPath(whole, paint);
    }

    /// <summary>A filled rectangle.</summary>
    public void Bar(double x1, double y1, double x2, double y2, SKColor color)
    {
        using SKPaint paint = new() { Color = color, IsAntialias = true };
        _surface.Canvas.DrawRect(new SKRect((float)x1, (float)y1, (float)x2, (float)y2), paint);
    }

    /// <summary>The canvas as PNG.</summary>
    public byte[] ToPng()
    {
        using SKImage image = _surface.Snapshot();
        using SKData data = image.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _surface.Dispose();
        _typeface.Dispose();
    }

    private static SKPaint Stroke(SKColor color, float width) => new()
    {
        Color = color,
        IsAntialias = true,
        Style = SKPaintStyle.Stroke,
        StrokeWidth = width,
        StrokeJoin = SKStrokeJoin.Round,
        StrokeCap = SKStrokeCap.Butt,
    };
}
