namespace Medix.Data.Phantoms;

/// <summary>A subtracted angiogram: a dark vessel tree that divides to the right and the left on a light ground.</summary>
internal sealed class VesselAngiogram : PhantomPainter
{
    private static readonly Site[] Vessels =
    [
        new("main trunk", Side.None, 0.5f, 0.83f, 0f, 0.02f, 0.11f),
        new("right lower branch", Side.Right, 0.355f, 0.56f, 0.01f, 0f, 0.095f), new("left lower branch", Side.Left, 0.645f, 0.56f, 0.01f, 0f, 0.095f),
        new("right upper branch", Side.Right, 0.216f, 0.27f, 0f, 0.02f, 0.095f), new("left upper branch", Side.Left, 0.784f, 0.27f, 0f, 0.02f, 0.095f),
    ];

    // An aneurysm bulges to one side of its vessel.
    private static readonly Site[] Bulges =
    [
        new("main trunk", Side.None, 0.537f, 0.83f, 0f, 0.02f, 0.11f),
        new("right lower branch", Side.Right, 0.36f, 0.6f, 0.01f, 0f, 0.11f), new("left lower branch", Side.Left, 0.64f, 0.6f, 0.01f, 0f, 0.11f),
        new("right upper branch", Side.Right, 0.175f, 0.29f, 0f, 0.02f, 0.11f), new("left upper branch", Side.Left, 0.825f, 0.29f, 0f, 0.02f, 0.11f),
    ];

    public override PhantomSpec Spec { get; } = new("ANGIOGRAPHY", "angiogram", "normal vessels", "on the vessels", SideRule.Patient,
    [
        new("aneurysm", "aneurysms", Bulges, [0.048f, 0.07f, 0.1f], -1),
        new("stenosis", null, Vessels, [0.05f], 1),
        new("contrast leak", null, Vessels, [0.12f], -1, 1.2f),
    ])
    {
        Preposition = "on the",
    };

    public override void Paint(PhantomScene scene)
    {
        Canvas canvas = scene.Canvas;
        NoiseField ground = new(scene.Anatomy, 5), blush = new(scene.Anatomy, 14);
        canvas.Clear(0.8f);
        canvas.Modulate(ground, 0.05f);
        canvas.Modulate(blush, 0.04f);
        Mark? narrow = scene.Of("stenosis").FirstOrDefault();
        SmallVessels(scene);
        Trunk(canvas, Stroke.Curve(0.5f, 1.1f, 0.49f, 0.85f, 0.5f, 0.64f, 0.036f, 0.032f), narrow, 0.027f);
        foreach (float side in (ReadOnlySpan<float>)[-1f, 1f])
        {
            float X(float away) => 0.5f + (side * away);
            float bend = scene.Anatomy.Next(-0.025f, 0.025f), sway = scene.Anatomy.Next(-0.025f, 0.025f);
            Trunk(canvas, Stroke.Curve(0.5f, 0.66f, X(0.1f), 0.575f + bend, X(0.24f), 0.52f, 0.03f, 0.026f), narrow, 0.0225f);
            Trunk(canvas, Stroke.Curve(X(0.24f), 0.52f, X(0.31f + sway), 0.36f, X(0.27f), 0.2f, 0.026f, 0.021f), narrow, 0.0195f);
            Trunk(canvas, Stroke.Curve(X(0.27f), 0.2f, X(0.25f - sway), 0.12f, X(0.3f), 0.02f, 0.02f, 0.013f), narrow, 0.01f);
        }

        foreach (Mark mark in scene.Of("aneurysm"))
        {
            canvas.Fill(mark.Shape(), 0.08f, 0.008f);
        }

        foreach (Mark mark in scene.Of("contrast leak"))
        {
            canvas.Fill(new Wobbly<Ellipse>(mark.Shape(0.95f), blush, 0.05f), 0.3f, 0.05f, 0.75f);
        }

        canvas.Grain(scene.Noise, 0.02f);
    }

    private static void Trunk(Canvas canvas, Stroke vessel, Mark? narrow, float depth)
    {
        if (narrow is null)
        {
            canvas.Fill(vessel, 0.12f, 0.008f, 0.95f);
        }
        else
        {
            canvas.Fill(new Pinched<Stroke>(vessel, narrow.X, narrow.Y, narrow.RadiusX * 2f, depth), 0.12f, 0.008f, 0.95f);
        }
    }

    private static void SmallVessels(PhantomScene scene)
    {
        (float X, float Y)[] origins = [(0.12f, 0.55f), (0.24f, 0.52f), (0.285f, 0.38f), (0.29f, 0.25f), (0.27f, 0.2f), (0.05f, 0.6f)];
        foreach (float side in (ReadOnlySpan<float>)[-1f, 1f])
        {
            foreach ((float away, float y) in origins)
            {
                for (int i = 0; i < 2; i++)
                {
                    float spread = (i == 0 ? -1f : 1f) * scene.Anatomy.Next(0.06f, 0.2f), rise = scene.Anatomy.Next(0.08f, 0.26f);
                    float startX = 0.5f + (side * away), endX = 0.5f + (side * (away + spread));
                    scene.Canvas.Fill(
                        Stroke.Curve(startX, y, startX + (0.3f * (endX - startX)), y - (0.8f * rise), endX, y - rise, 0.011f, 0.003f), 0.35f, 0.006f, 0.7f);
                }
            }
        }
    }
}
