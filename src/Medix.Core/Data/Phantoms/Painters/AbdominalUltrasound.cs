namespace Medix.Data.Phantoms;

/// <summary>A curved-probe ultrasound image: fan-shaped field, speckle, skin line, vessels, diaphragm, depth ticks. The picture is 180 mm high.</summary>
internal sealed class AbdominalUltrasound : PhantomPainter
{
    private const float ApexX = 0.5f, ApexY = -0.12f;

    private static readonly Site[] Places =
    [
        new("upper left part", Side.Left, 0.37f, 0.36f, MaxRadius: 0.09f), new("upper right part", Side.Right, 0.63f, 0.36f, MaxRadius: 0.09f),
        new("centre", Side.None, 0.5f, 0.53f),
        new("lower left part", Side.Left, 0.31f, 0.66f), new("lower right part", Side.Right, 0.69f, 0.66f),
    ];

    public override PhantomSpec Spec { get; } = new("ULTRASOUND", "ultrasound image", "even tissue", "in the tissue", SideRule.Image,
    [
        new("cyst", "cysts", Places, [0.0417f, 0.0694f, 0.111f], -1),
        new("solid mass", "solid masses", Places, [0.0417f, 0.0694f, 0.111f], 1),
        new("stone", "stones", Places, [0.045f], 1, 1.6f),
    ])
    {
        Sizes = ["15 mm", "25 mm", "40 mm"],
    };

    public override void Paint(PhantomScene scene)
    {
        Canvas canvas = scene.Canvas;
        NoiseField wobble = new(scene.Anatomy, 7), tissue = new(scene.Anatomy, 9);
        canvas.Clear(0.44f);
        canvas.Modulate(tissue, 0.2f);
        canvas.Fill(new Beyond<Ellipse>(new Ellipse(ApexX, ApexY, 0.33f, 0.33f)), 0.44f, opacity: 0.35f);
        Anatomy(canvas, wobble);
        Findings(scene, wobble);
        canvas.Glow(0.5f, 1f, 0.9f, 0.45f, -0.12f);
        canvas.Speckle(scene.Noise, 0.75f);
        Fan field = new(ApexX, ApexY, 0.22f, 1.06f, 0.105f);
        canvas.Fill(new Beyond<Fan>(field), 0.01f);
        for (int i = 1; i <= 8; i++)
        {
            canvas.Fill(new Plate(0.96f, 0.11f + (0.111f * i), i % 2 == 0 ? 0.02f : 0.011f, 0.004f), 0.85f);
        }
    }

    private static void Anatomy(Canvas canvas, NoiseField wobble)
    {
        for (int i = 0; i < 3; i++)
        {
            float radius = 0.24f + (0.03f * i);
            canvas.Fill(new Ring(ApexX, ApexY, radius, 0.007f), 0.85f - (0.15f * i), 0.01f, 0.8f);
        }

        canvas.Fill(new Wobbly<Ring>(new Ring(0.42f, 0.4f, 0.52f, 0.013f), wobble, 0.02f), 0.95f, 0.012f);
        canvas.Fill(Stroke.Curve(0.2f, 0.5f, 0.45f, 0.44f, 0.8f, 0.5f, 0.012f, 0.016f), 0.12f, 0.008f);
        canvas.Fill(new Ellipse(0.55f, 0.77f, 0.03f, 0.02f), 0.1f, 0.008f);
    }

    private static void Findings(PhantomScene scene, NoiseField wobble)
    {
        Canvas canvas = scene.Canvas;
        foreach (Mark mark in scene.Of("stone"))
        {
            // Nothing returns from behind a stone: a dark wedge along the beam.
            canvas.Fill(Ray(mark, 0.5f, 0.8f, 1.1f), 0.03f, 0.012f, 0.95f);
        }

        foreach (Mark mark in scene.Of("cyst"))
        {
            // Fluid does not weaken the beam: what lies behind looks brighter.
            canvas.Fill(Ray(mark, 0.16f, 0.8f, 0.75f), 0.85f, 0.03f, 0.6f);
        }

        foreach (Mark mark in scene.Marks)
        {
            switch (mark.Type.Name)
            {
                case "stone":
                    canvas.Fill(mark.Shape(), 1.25f, 0.012f);
                    break;
                case "cyst":
                    canvas.Fill(mark.Shape(1.1f), 0.7f, 0.008f, 0.6f);
                    canvas.Fill(mark.Shape(), 0.03f, 0.008f);
                    break;
                default:
                    canvas.Fill(new Wobbly<Ellipse>(mark.Shape(1.25f), wobble, 0.012f), 0.14f, 0.01f);
                    canvas.Fill(new Wobbly<Ellipse>(mark.Shape(), wobble, 0.012f), 0.98f, 0.008f);
                    break;
            }
        }
    }

    private static Stroke Ray(Mark mark, float length, float startFactor, float endFactor)
    {
        float dx = mark.X - ApexX, dy = mark.Y - ApexY, unit = 1f / MathF.Sqrt((dx * dx) + (dy * dy));
        float fromX = mark.X + (dx * unit * mark.RadiusX * 0.8f), fromY = mark.Y + (dy * unit * mark.RadiusX * 0.8f);
        return new Stroke(
            [fromX, fromX + (dx * unit * length)], [fromY, fromY + (dy * unit * length)], mark.RadiusX * startFactor, mark.RadiusX * endFactor);
    }
}
