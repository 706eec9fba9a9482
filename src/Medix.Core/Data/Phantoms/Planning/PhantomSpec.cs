namespace Medix.Data.Phantoms;

/// <summary>Left, right or neither.</summary>
internal enum Side
{
    None,
    Left,
    Right,
}

/// <summary>Whose left and right a modality's sides are.</summary>
internal enum SideRule
{
    /// <summary>The patient's, by radiological convention: right is at the picture's left.</summary>
    Patient,

    /// <summary>The picture's.</summary>
    Image,

    /// <summary>The eye shown.</summary>
    Eye,

    /// <summary>The breast shown.</summary>
    Breast,
}

/// <summary>
/// A place where a finding may lie, in anatomy coordinates: its centre, how far the finding may be moved from it, and the largest radius that fits.
/// </summary>
internal sealed record Site(string Region, Side Side, float X, float Y, float JitterX = 0.02f, float JitterY = 0.02f, float MaxRadius = 1f);

/// <summary>
/// A kind of finding. <paramref name="Plural"/> is null for one that is not counted; <paramref name="Radii"/> holds one radius, or three
/// (small, medium, large) where size is asked. <paramref name="Sense"/>: its middle is brighter (+1) or darker (−1) than the same picture without it,
/// or just different (0). <paramref name="Aspect"/> is radius across over radius down.
/// </summary>
internal sealed record FindingType(string Name, string? Plural, IReadOnlyList<Site> Sites, IReadOnlyList<float> Radii, int Sense, float Aspect = 1f)
{
    /// <summary>Can be counted.</summary>
    public bool Countable => Plural is not null;

    /// <summary>A word that takes no article: bleeding, fluid.</summary>
    public bool Bare { get; init; }

    /// <summary>Has a size.</summary>
    public bool Sizable => Radii.Count > 1;
}

/// <summary>
/// The words of a modality. <paramref name="View"/>: what the picture is called; <paramref name="Normal"/>: what a normal one shows;
/// <paramref name="Whole"/>: where several findings are.
/// </summary>
internal sealed record PhantomSpec(string Tag, string View, string Normal, string Whole, SideRule Sides, IReadOnlyList<FindingType> Types)
{
    /// <summary>What stands before a region in a sentence.</summary>
    public string Preposition { get; init; } = "in the";

    /// <summary>The answers for small, medium and large.</summary>
    public IReadOnlyList<string> Sizes { get; init; } = ["small", "medium", "large"];

    /// <summary>The eye or breast of the unmirrored drawing.</summary>
    public Side DrawnSide { get; init; } = Side.None;
}

/// <summary>One modality: its words and how it is painted.</summary>
internal abstract class PhantomPainter
{
    /// <summary>The words.</summary>
    public abstract PhantomSpec Spec { get; }

    /// <summary>Grey or colour canvas.</summary>
    public virtual bool Colour => false;

    /// <summary>The colours of a grey canvas.</summary>
    public virtual Palette Palette => Palette.Grey;

    /// <summary>Paints anatomy, the plan's findings, and the modality's own noise.</summary>
    public abstract void Paint(PhantomScene scene);
}

/// <summary>
/// What a painter works with. The three generators are independent of the findings, so the same plan without its marks gives the same anatomy and noise.
/// </summary>
internal sealed record PhantomScene(
    Canvas Canvas, IReadOnlyList<Mark> Marks, Runs.SeededRandom Anatomy, Runs.SeededRandom Detail, Runs.SeededRandom Noise)
{
    /// <summary>The marks of one type of finding.</summary>
    public IEnumerable<Mark> Of(string name) => Marks.Where(mark => mark.Type.Name == name);
}

/// <summary>One finding to paint: an ellipse in anatomy coordinates.</summary>
internal sealed record Mark(FindingType Type, Site Site, int SizeClass, float X, float Y, float RadiusX, float RadiusY)
{
    /// <summary>The ellipse, enlarged by a factor.</summary>
    public Ellipse Shape(float factor = 1f) => new(X, Y, RadiusX * factor, RadiusY * factor);

    /// <summary>Whether a point is within <paramref name="factor"/> times the ellipse, and a margin.</summary>
    public bool Covers(float u, float v, float factor, float margin = 0f)
    {
        float dx = (u - X) / ((RadiusX * factor) + margin), dy = (v - Y) / ((RadiusY * factor) + margin);
        return (dx * dx) + (dy * dy) < 1f;
    }
}
