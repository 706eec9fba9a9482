using static Medix.Data.Phantoms.PhantomMaths;

namespace Medix.Data.Phantoms;

/// <summary>A region by its signed distance (anatomy units, negative inside). Structs, so that the canvas' loops are compiled for each.</summary>
internal interface IShape
{
    /// <summary>A box outside which the distance is positive.</summary>
    Box Bounds { get; }

    /// <summary>The signed distance of a point: exact at the edge, elsewhere as good as <see cref="Trust"/> and <see cref="Slack"/> say.</summary>
    float Distance(float u, float v);

    /// <summary>The fraction of a distance, less <see cref="Slack"/>, that surely lies between the point and the edge.</summary>
    float Trust => 1f;

    /// <summary>How far the edge may be off the smooth one that <see cref="Trust"/> is about.</summary>
    float Slack => 0f;
}

/// <summary>An ellipse, turned by a fraction of a full turn.</summary>
internal readonly struct Ellipse : IShape
{
    private readonly float x, y, inverseX, inverseY, cos, sin;

    public Ellipse(float x, float y, float radiusX, float radiusY, float turns = 0f)
    {
        (this.x, this.y, inverseX, inverseY) = (x, y, 1f / radiusX, 1f / radiusY);
        (cos, sin) = (Wave(turns + 0.25f), Wave(turns));
        Trust = MathF.Min(radiusX, radiusY) / MathF.Max(radiusX, radiusY);
        float reach = turns == 0f ? 0f : MathF.Max(radiusX, radiusY);
        Bounds = new Box(
            x - MathF.Max(radiusX, reach), y - MathF.Max(radiusY, reach), x + MathF.Max(radiusX, reach), y + MathF.Max(radiusY, reach));
    }

    public Box Bounds { get; }

    public float Trust { get; }

    /// <summary>First-order distance: (k − 1)·k / |∇k²|/2 with k the scaled radius.</summary>
    public float Distance(float u, float v)
    {
        (u, v) = (u - x, v - y);
        float px = ((u * cos) + (v * sin)) * inverseX;
        float py = ((v * cos) - (u * sin)) * inverseY;
        float k = MathF.Sqrt((px * px) + (py * py));
        (px, py) = (px * inverseX, py * inverseY);
        return k * (k - 1f) / MathF.Sqrt((px * px) + (py * py) + 1e-12f);
    }
}

/// <summary>An upright rectangle with rounded corners, by its half sides.</summary>
internal readonly record struct Plate(float X, float Y, float HalfWidth, float HalfHeight, float Corner = 0f) : IShape
{
    public Box Bounds => new(X - HalfWidth, Y - HalfHeight, X + HalfWidth, Y + HalfHeight);

    public float Distance(float u, float v)
    {
        float dx = MathF.Abs(u - X) - HalfWidth + Corner;
        float dy = MathF.Abs(v - Y) - HalfHeight + Corner;
        float ox = MathF.Max(dx, 0f), oy = MathF.Max(dy, 0f);
        return MathF.Min(MathF.Max(dx, dy), 0f) + MathF.Sqrt((ox * ox) + (oy * oy)) - Corner;
    }
}

/// <summary>A line through points whose half width goes linearly from start to end.</summary>
internal readonly struct Stroke : IShape
{
    private readonly float[] xs, ys;
    private readonly float start, step;

    public Stroke(float[] xs, float[] ys, float startHalfWidth, float endHalfWidth)
    {
        (this.xs, this.ys, start) = (xs, ys, startHalfWidth);
        step = (endHalfWidth - startHalfWidth) / MathF.Max(1, xs.Length - 1);
        float reach = MathF.Max(startHalfWidth, endHalfWidth);
        float left = 9f, top = 9f, right = -9f, bottom = -9f;
        for (int i = 0; i < xs.Length; i++)
        {
            (left, right) = (MathF.Min(left, xs[i]), MathF.Max(right, xs[i]));
            (top, bottom) = (MathF.Min(top, ys[i]), MathF.Max(bottom, ys[i]));
        }

        Bounds = new Box(left, top, right, bottom).Grown(reach);
    }

    public Box Bounds { get; }

    public float Trust => 0.8f;

    /// <summary>A straight line.</summary>
    public static Stroke Line(float x0, float y0, float x1, float y1, float halfWidth) => new([x0, x1], [y0, y1], halfWidth, halfWidth);

    /// <summary>A quadratic Bézier curve in eight pieces.</summary>
    public static Stroke Curve(float x0, float y0, float cx, float cy, float x1, float y1, float startHalfWidth, float endHalfWidth)
    {
        const int Pieces = 8;
        float[] xs = new float[Pieces + 1], ys = new float[Pieces + 1];
        for (int i = 0; i <= Pieces; i++)
        {
            float t = i / (float)Pieces, s = 1f - t;
            xs[i] = (s * s * x0) + (2f * s * t * cx) + (t * t * x1);
            ys[i] = (s * s * y0) + (2f * s * t * cy) + (t * t * y1);
        }

        return new Stroke(xs, ys, startHalfWidth, endHalfWidth);
    }

    public float Distance(float u, float v)
    {
        float nearest = 9f;
        for (int i = 0; i + 1 < xs.Length; i++)
        {
            float ax = xs[i], ay = ys[i];
            float bx = xs[i + 1] - ax, by = ys[i + 1] - ay;
            float px = u - ax, py = v - ay;
            float t = MathF.Min(1f, MathF.Max(0f, ((px * bx) + (py * by)) / ((bx * bx) + (by * by) + 1e-12f)));
            (px, py) = (px - (t * bx), py - (t * by));
            nearest = MathF.Min(nearest, MathF.Sqrt((px * px) + (py * py)) - (start + (step * (i + t))));
        }

        return nearest;
    }
}

/// <summary>A sector of a ring that opens downwards from an apex: the field of a curved ultrasound probe.</summary>
internal readonly record struct Fan(float X, float Y, float Near, float Far, float HalfAngleTurns) : IShape
{
    private readonly float cos = Wave(HalfAngleTurns + 0.25f);
    private readonly float sin = Wave(HalfAngleTurns);

    public Box Bounds => Box.Everything;

    public float Distance(float u, float v)
    {
        float dx = MathF.Abs(u - X), dy = v - Y;
        float radius = MathF.Sqrt((dx * dx) + (dy * dy));
        return MathF.Max((dx * cos) - (dy * sin), MathF.Max(Near - radius, radius - Far));
    }
}

/// <summary>What two shapes share.</summary>
internal readonly record struct Both<TFirst, TSecond>(TFirst First, TSecond Second) : IShape
    where TFirst : struct, IShape
    where TSecond : struct, IShape
{
    public Box Bounds => First.Bounds.Overlap(Second.Bounds);

    public float Trust => MathF.Min(First.Trust, Second.Trust);

    public float Slack => MathF.Max(First.Slack, Second.Slack);

    public float Distance(float u, float v) => MathF.Max(First.Distance(u, v), Second.Distance(u, v));
}

/// <summary>A shape whose edge wanders with a noise field, as organs' edges do.</summary>
internal readonly record struct Wobbly<TShape>(TShape Shape, NoiseField Field, float Amount) : IShape
    where TShape : struct, IShape
{
    public Box Bounds => Shape.Bounds.Grown(Amount);

    public float Trust => Shape.Trust;

    public float Slack => Shape.Slack + Amount;

    public float Distance(float u, float v) => Shape.Distance(u, v) + (Amount * Field.At(u, v));
}

/// <summary>A shape made thinner by <paramref name="Depth"/> around one point: a narrowed vessel.</summary>
internal readonly record struct Pinched<TShape>(TShape Shape, float X, float Y, float Radius, float Depth) : IShape
    where TShape : struct, IShape
{
    public Box Bounds => Shape.Bounds;

    public float Trust => Shape.Trust;

    public float Slack => Shape.Slack + Depth;

    public float Distance(float u, float v)
    {
        float dx = (u - X) / Radius, dy = (v - Y) / Radius;
        return Shape.Distance(u, v) + (Depth * Bell((dx * dx) + (dy * dy)));
    }
}

/// <summary>Everything but a shape.</summary>
internal readonly record struct Beyond<TShape>(TShape Inner) : IShape
    where TShape : struct, IShape
{
    public Box Bounds => Box.Everything;

    public float Trust => Inner.Trust;

    public float Slack => Inner.Slack;

    public float Distance(float u, float v) => -Inner.Distance(u, v);
}

/// <summary>A circle's line.</summary>
internal readonly record struct Ring(float X, float Y, float Radius, float HalfWidth) : IShape
{
    public Box Bounds => new Box(X, Y, X, Y).Grown(Radius + HalfWidth);

    public float Distance(float u, float v)
    {
        (u, v) = (u - X, v - Y);
        return MathF.Abs(MathF.Sqrt((u * u) + (v * v)) - Radius) - HalfWidth;
    }
}
