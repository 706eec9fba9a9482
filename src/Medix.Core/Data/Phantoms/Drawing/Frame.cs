namespace Medix.Data.Phantoms;

/// <summary>
/// Where the anatomy lies in the picture: both are unit squares, x to the right, y down.
/// picture = 0.5 + shift + (anatomy − 0.5)·scale, x mirrored first where asked.
/// </summary>
internal readonly record struct Frame(float ShiftX, float ShiftY, float ScaleX, float ScaleY, bool Mirrored)
{
    /// <summary>Anatomy and picture coincide.</summary>
    public static Frame Identity { get; } = new(0f, 0f, 1f, 1f, false);

    /// <summary>Anatomy x to picture x.</summary>
    public float ToPictureX(float u) => 0.5f + ShiftX + (((Mirrored ? 1f - u : u) - 0.5f) * ScaleX);

    /// <summary>Anatomy y to picture y.</summary>
    public float ToPictureY(float v) => 0.5f + ShiftY + ((v - 0.5f) * ScaleY);

    /// <summary>Picture x to anatomy x.</summary>
    public float ToAnatomyX(float x)
    {
        float u = ((x - 0.5f - ShiftX) / ScaleX) + 0.5f;
        return Mirrored ? 1f - u : u;
    }

    /// <summary>Picture y to anatomy y.</summary>
    public float ToAnatomyY(float y) => ((y - 0.5f - ShiftY) / ScaleY) + 0.5f;
}

/// <summary>An axis-aligned box in anatomy coordinates.</summary>
internal readonly record struct Box(float Left, float Top, float Right, float Bottom)
{
    /// <summary>Larger than any picture.</summary>
    public static Box Everything { get; } = new(-9f, -9f, 9f, 9f);

    /// <summary>The box widened by a margin on every side.</summary>
    public Box Grown(float margin) => new(Left - margin, Top - margin, Right + margin, Bottom + margin);

    /// <summary>The overlap of two boxes.</summary>
    public Box Overlap(Box other) =>
        new(MathF.Max(Left, other.Left), MathF.Max(Top, other.Top), MathF.Min(Right, other.Right), MathF.Min(Bottom, other.Bottom));
}

/// <summary>A colour, components in [0, 1]; a grey canvas reads the red one.</summary>
internal readonly record struct Ink(float R, float G, float B)
{
    /// <summary>A grey.</summary>
    public static implicit operator Ink(float grey) => new(grey, grey, grey);

    /// <summary>Every component times a factor.</summary>
    public static Ink operator *(Ink ink, float factor) => new(ink.R * factor, ink.G * factor, ink.B * factor);

    /// <summary>Component-wise sum.</summary>
    public static Ink operator +(Ink a, Ink b) => new(a.R + b.R, a.G + b.G, a.B + b.B);

    /// <summary>Between two colours.</summary>
    public static Ink Mix(Ink from, Ink to, float t) =>
        new(PhantomMaths.Mix(from.R, to.R, t), PhantomMaths.Mix(from.G, to.G, t), PhantomMaths.Mix(from.B, to.B, t));
}
