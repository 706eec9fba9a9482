using Medix.Runs;

namespace Medix.Data.Phantoms;

/// <summary>
/// Everything decided about a phantom before a pixel is painted: modality, question kind, findings and their places.
/// <paramref name="Asked"/> is the type of finding the question names.
/// </summary>
internal sealed record PhantomPlan(
    PhantomSpec Spec, QuestionKind Kind, FindingType Asked, IReadOnlyList<Mark> Marks, Side Shown, Frame Frame)
{
    private const int Tries = 32;

    /// <summary>Draws a plan. Every choice is uniform over what can answer the question.</summary>
    public static PhantomPlan Draw(PhantomSpec spec, QuestionKind kind, double normalShare, SeededRandom random)
    {
        Side shown = spec.DrawnSide == Side.None ? Side.None : random.Pick([Side.Left, Side.Right]);
        Frame frame = new(
            random.Next(-0.02f, 0.02f), random.Next(-0.015f, 0.015f), random.Next(0.95f, 1.03f), random.Next(0.95f, 1.03f), shown != spec.DrawnSide);
        bool mayBeNormal = kind is QuestionKind.What or QuestionKind.Presence;
        bool normal = mayBeNormal && random.NextDouble() < normalShare;
        FindingType type = random.Pick([.. spec.Types.Where(candidate => CanAnswer(candidate, kind, shown))]);
        IReadOnlyList<Mark> marks = normal ? [] : Place(type, kind, shown, random);
        FindingType asked = kind == QuestionKind.Presence && random.NextDouble() < 0.5 ? random.Pick(spec.Types) : type;
        return new PhantomPlan(spec, kind, asked, marks, shown, frame);
    }

    private static bool CanAnswer(FindingType type, QuestionKind kind, Side shown) => kind switch
    {
        QuestionKind.HowMany => type.Countable,
        QuestionKind.Size => type.Sizable,
        QuestionKind.Side => shown != Side.None || type.Sites.Any(site => site.Side != Side.None),
        _ => true,
    };

    private static List<Mark> Place(FindingType type, QuestionKind kind, Side shown, SeededRandom random)
    {
        int count = kind == QuestionKind.HowMany ? random.NextInt(1, Math.Min(4, type.Sites.Count) + 1) : 1;

        // Several findings share one size: the largest is left to single ones, for room.
        int sizes = count > 1 && type.Sizable ? type.Radii.Count - 1 : type.Radii.Count;
        int size = random.NextInt(sizes);
        bool needsSide = kind == QuestionKind.Side && shown == Side.None;
        for (int attempt = 0; attempt < Tries; attempt++)
        {
            List<Mark> marks = TryPlace(type, count, attempt < Tries / 2 ? size : 0, needsSide, random);
            if (marks.Count == count)
            {
                return marks;
            }
        }

        throw new InvalidOperationException($"No room for {count} of '{type.Name}'.");
    }

    private static List<Mark> TryPlace(FindingType type, int count, int sizeClass, bool needsSide, SeededRandom random)
    {
        float radius = type.Radii[sizeClass];
        Site[] sites = [.. type.Sites.Where(site => (!type.Sizable || site.MaxRadius >= radius) && (!needsSide || site.Side != Side.None))];
        random.Shuffle(sites.AsSpan());
        List<Mark> marks = [];
        foreach (Site site in sites.Take(count))
        {
            float drawn = radius * random.Next(0.94f, 1.06f), across = MathF.Sqrt(type.Aspect);
            Mark mark = new(
                type, site, sizeClass, site.X + (site.JitterX * random.Next(-1f, 1f)), site.Y + (site.JitterY * random.Next(-1f, 1f)),
                drawn * across, drawn / across);
            if (marks.TrueForAll(other => Apart(mark, other)))
            {
                marks.Add(mark);
            }
        }

        return marks;
    }

    private static bool Apart(Mark a, Mark b)
    {
        // Apart by a quarter of their size, so that a count can be read off the picture.
        float dx = (a.X - b.X) / (1.25f * (a.RadiusX + b.RadiusX)), dy = (a.Y - b.Y) / (1.25f * (a.RadiusY + b.RadiusY));
        return (dx * dx) + (dy * dy) > 1f;
    }
}
