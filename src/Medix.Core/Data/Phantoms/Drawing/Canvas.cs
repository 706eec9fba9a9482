using System.Runtime.CompilerServices;
using Medix.Imaging;
using Medix.Runs;
using static Medix.Data.Phantoms.PhantomMaths;

namespace Medix.Data.Phantoms;

/// <summary>A colour for every point of the anatomy.</summary>
internal interface IShader
{
    /// <summary>The colour at a point.</summary>
    Ink Shade(float u, float v);
}

/// <summary>
/// A square float picture that shapes are painted on in anatomy coordinates. One plane [size, size] for grey pictures, three for colour;
/// values may leave [0, 1] until they become bytes.
/// </summary>
internal sealed class Canvas
{
    private readonly float[] red;
    private readonly float[] green = [];
    private readonly float[] blue = [];
    private readonly float left, stepX, top, stepY;

    public Canvas(int size, Frame frame, bool colour)
    {
        (Size, Frame, Colour) = (size, frame, colour);
        red = new float[size * size];
        if (colour)
        {
            (green, blue) = (new float[size * size], new float[size * size]);
        }

        (left, top) = (frame.ToAnatomyX(0.5f / size), frame.ToAnatomyY(0.5f / size));
        stepX = (frame.Mirrored ? -1f : 1f) / (frame.ScaleX * size);
        stepY = 1f / (frame.ScaleY * size);
    }

    /// <summary>Side in pixels.</summary>
    public int Size { get; }

    /// <summary>Where the anatomy lies.</summary>
    public Frame Frame { get; }

    /// <summary>Three planes instead of one.</summary>
    public bool Colour { get; }

    /// <summary>About one pixel in anatomy units.</summary>
    public float Pixel => 1f / Size;

    /// <summary>Paints over the shape; its edge goes from full to nothing within ±<paramref name="soft"/> (at least 0.7 pixel).</summary>
    public void Fill<TShape>(TShape shape, Ink ink, float soft = 0f, float opacity = 1f)
        where TShape : struct, IShape => Cover(shape, ink, soft, opacity, additive: false);

    /// <summary>Adds the ink within the shape.</summary>
    public void Add<TShape>(TShape shape, Ink ink, float soft = 0f)
        where TShape : struct, IShape => Cover(shape, ink, soft, 1f, additive: true);

    /// <summary>Adds a bell of light, or of dark where the ink is negative, that ends at the given radii.</summary>
    public void Glow(float x, float y, float radiusX, float radiusY, Ink ink)
    {
        Span span = Pixels(new Box(x - radiusX, y - radiusY, x + radiusX, y + radiusY));
        for (int row = span.Top; row < span.Bottom; row++)
        {
            float dy = (top + (row * stepY) - y) / radiusY;
            for (int column = span.Left; column < span.Right; column++)
            {
                float dx = (left + (column * stepX) - x) / radiusX;
                Plus((row * Size) + column, ink, Bell((dx * dx) + (dy * dy)));
            }
        }
    }

    /// <summary>Sets every pixel.</summary>
    public void Shade<TShader>(TShader shader)
        where TShader : struct, IShader
    {
        for (int row = 0; row < Size; row++)
        {
            for (int column = 0; column < Size; column++)
            {
                Ink ink = shader.Shade(left + (column * stepX), top + (row * stepY));
                int i = (row * Size) + column;
                red[i] = ink.R;
                if (Colour)
                {
                    (green[i], blue[i]) = (ink.G, ink.B);
                }
            }
        }
    }

    /// <summary>Sets every pixel to one colour.</summary>
    public void Clear(Ink ink)
    {
        Array.Fill(red, ink.R);
        Array.Fill(green, ink.G);
        Array.Fill(blue, ink.B);
    }

    /// <summary>Multiplies by 1 + amount·field: dark stays dark.</summary>
    public void Modulate(NoiseField field, float amount)
    {
        for (int row = 0; row < Size; row++)
        {
            for (int column = 0; column < Size; column++)
            {
                float factor = 1f + (amount * field.At(left + (column * stepX), top + (row * stepY)));
                int i = (row * Size) + column;
                red[i] *= factor;
                if (Colour)
                {
                    green[i] *= factor;
                    blue[i] *= factor;
                }
            }
        }
    }

    /// <summary>Adds normal noise of the given deviation, drawn per plane.</summary>
    public void Grain(SeededRandom random, float deviation)
    {
        foreach (float[] plane in Planes())
        {
            for (int i = 0; i < plane.Length; i++)
            {
                plane[i] += deviation * random.NextNoise();
            }
        }
    }

    /// <summary>Counting noise: the deviation is that of <paramref name="counts"/> counts at value 1.</summary>
    public void Count(SeededRandom random, float counts)
    {
        for (int i = 0; i < red.Length; i++)
        {
            red[i] += MathF.Sqrt(MathF.Max(0f, red[i]) / counts) * random.NextNoise();
        }
    }

    /// <summary>Coherent speckle on a grey canvas: values times (1 − amount + amount·m), m the magnitude of complex noise (Rayleigh, mean 1).</summary>
    public void Speckle(SeededRandom random, float amount)
    {
        float[] real = new float[red.Length], imaginary = new float[red.Length];
        for (int i = 0; i < red.Length; i++)
        {
            (real[i], imaginary[i]) = (random.NextNoise(), random.NextNoise());
        }

        for (int i = 0; i < red.Length; i++)
        {
            // Neighbours share noise, more across than along the beam: a scanner's lateral resolution is the worse one.
            int right = Math.Min(i + 1, red.Length - 1), below = Math.Min(i + Size, red.Length - 1);
            float a = real[i] + real[right] + (0.6f * real[below]), b = imaginary[i] + imaginary[right] + (0.6f * imaginary[below]);
            red[i] *= 1f - amount + (amount * 0.519f * MathF.Sqrt((a * a) + (b * b)));
        }
    }

    /// <summary>Box blur in both directions, of the given radius in pixels (rounded), as many times as asked.</summary>
    public void Blur(float radius, int times = 1)
    {
        int reach = (int)(radius + 0.5f);
        if (reach == 0)
        {
            return;
        }

        float[] line = new float[Size];
        foreach (float[] plane in Planes())
        {
            for (int pass = 0; pass < times; pass++)
            {
                for (int i = 0; i < Size; i++)
                {
                    BlurLine(plane, i * Size, 1, reach, line);
                }

                for (int i = 0; i < Size; i++)
                {
                    BlurLine(plane, i, Size, reach, line);
                }
            }
        }
    }

    /// <summary>A letter of the small font in picture coordinates, five units wide; upright and unmirrored whatever the frame.</summary>
    public void Letter(char letter, float x, float y, float unit, Ink ink)
    {
        for (int row = 0; row < BitmapFont.Height; row++)
        {
            for (int column = 0; column < BitmapFont.Width; column++)
            {
                if (BitmapFont.IsSet(letter, column, row))
                {
                    float u = Frame.ToAnatomyX(x + ((column + 0.5f) * unit)), v = Frame.ToAnatomyY(y + ((row + 0.5f) * unit));
                    Fill(new Plate(u, v, unit * 0.5f, unit * 0.5f), ink);
                }
            }
        }
    }

    /// <summary>The picture in bytes: through a palette of 256 colours for grey canvases, directly for colour.</summary>
    public RgbImage ToImage(Palette palette)
    {
        byte[] pixels = new byte[Size * Size * 3];
        for (int i = 0; i < red.Length; i++)
        {
            if (Colour)
            {
                (pixels[3 * i], pixels[(3 * i) + 1], pixels[(3 * i) + 2]) = (Level(red[i]), Level(green[i]), Level(blue[i]));
            }
            else
            {
                palette.Entry(Level(red[i])).CopyTo(pixels.AsSpan(3 * i, 3));
            }
        }

        return new RgbImage(Size, Size, pixels);
    }

    private static byte Level(float value) => (byte)((MathF.Min(1f, MathF.Max(0f, value)) * 255f) + 0.5f);

    private float[][] Planes() => Colour ? [red, green, blue] : [red];

    private void BlurLine(float[] plane, int start, int stride, int reach, float[] line)
    {
        float sum = 0f;
        for (int i = -reach; i <= reach; i++)
        {
            sum += plane[start + (Math.Clamp(i, 0, Size - 1) * stride)];
        }

        float scale = 1f / ((2 * reach) + 1);
        for (int i = 0; i < Size; i++)
        {
            line[i] = sum * scale;
            sum += plane[start + (Math.Min(i + reach + 1, Size - 1) * stride)] - plane[start + (Math.Max(i - reach, 0) * stride)];
        }

        for (int i = 0; i < Size; i++)
        {
            plane[start + (i * stride)] = line[i];
        }
    }

    private void Cover<TShape>(TShape shape, Ink ink, float soft, float opacity, bool additive)
        where TShape : struct, IShape
    {
        soft = MathF.Max(soft, 0.7f * Pixel);
        float slope = 0.5f / soft, trust = shape.Trust, slack = shape.Slack, perColumn = 1f / MathF.Abs(stepX);
        Span span = Pixels(shape.Bounds.Grown(soft));
        for (int row = span.Top; row < span.Bottom; row++)
        {
            float v = top + (row * stepY);
            for (int column = span.Left; column < span.Right;)
            {
                float distance = shape.Distance(left + (column * stepX), v);
                float t = MathF.Min(1f, MathF.Max(0f, 0.5f - (distance * slope)));

                // The distance says how many pixels ahead are sure to be wholly in or out like this one.
                int alike = 1 + (int)MathF.Max(0f, ((trust * (MathF.Abs(distance) - slack)) - slack - soft) * perColumn);
                int end = Math.Min(column + alike, span.Right);
                float cover = opacity * t * t * (3f - (2f * t));
                for (; column < end; column++)
                {
                    if (cover > 0f)
                    {
                        Blend((row * Size) + column, ink, cover, additive);
                    }
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Blend(int i, Ink ink, float cover, bool additive)
    {
        if (additive)
        {
            Plus(i, ink, cover);
        }
        else
        {
            Over(i, ink, cover);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Plus(int i, Ink ink, float weight)
    {
        red[i] += weight * ink.R;
        if (Colour)
        {
            green[i] += weight * ink.G;
            blue[i] += weight * ink.B;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Over(int i, Ink ink, float weight)
    {
        red[i] += weight * (ink.R - red[i]);
        if (Colour)
        {
            green[i] += weight * (ink.G - green[i]);
            blue[i] += weight * (ink.B - blue[i]);
        }
    }

    private Span Pixels(Box box)
    {
        float a = Frame.ToPictureX(box.Left) * Size, b = Frame.ToPictureX(box.Right) * Size;
        return new Span(
            (int)Math.Clamp(MathF.Floor(MathF.Min(a, b)), 0, Size),
            (int)Math.Clamp(MathF.Floor(Frame.ToPictureY(box.Top) * Size), 0, Size),
            (int)Math.Clamp(MathF.Ceiling(MathF.Max(a, b)) + 1, 0, Size),
            (int)Math.Clamp(MathF.Ceiling(Frame.ToPictureY(box.Bottom) * Size) + 1, 0, Size));
    }

    private readonly record struct Span(int Left, int Top, int Right, int Bottom);
}
