using static Medix.Data.Phantoms.PhantomMaths;

namespace Medix.Data.Phantoms;

/// <summary>A view along the bowel: pink wall with ring folds, dark lumen, wet highlights, the endoscope's round vignette.</summary>
internal sealed class EndoscopicView : PhantomPainter
{
    private static readonly Site[] Walls =
    [
        new("upper left wall", Side.Left, 0.28f, 0.28f, MaxRadius: 0.115f), new("upper right wall", Side.Right, 0.72f, 0.28f, MaxRadius: 0.115f),
        new("lower left wall", Side.Left, 0.28f, 0.72f, MaxRadius: 0.115f), new("lower right wall", Side.Right, 0.72f, 0.72f, MaxRadius: 0.115f),
    ];

    public override PhantomSpec Spec { get; } = new("ENDOSCOPY", "endoscopic view", "smooth mucosa", "on the wall", SideRule.Image,
    [
        new("polyp", "polyps", Walls, [0.044f, 0.07f, 0.11f], 1),
        new("ulcer", "ulcers", Walls, [0.044f, 0.07f, 0.11f], 0, 1.2f),
        new("bleeding", null, Walls, [0.11f], -1, 0.8f) { Bare = true },
    ])
    {
        Preposition = "on the",
    };

    public override bool Colour => true;

    public override void Paint(PhantomScene scene)
    {
        Canvas canvas = scene.Canvas;
        NoiseField twist = new(scene.Anatomy, 4), mucosa = new(scene.Anatomy, 18);
        float lumenX = 0.5f + scene.Anatomy.Next(-0.03f, 0.03f), lumenY = 0.5f + scene.Anatomy.Next(-0.03f, 0.03f);
        canvas.Shade(new Tunnel(lumenX, lumenY, scene.Anatomy.Next(0f, 1f), twist));
        canvas.Modulate(mucosa, 0.05f);
        Capillaries(scene);
        Highlights(scene, lumenX, lumenY);
        foreach (Mark mark in scene.Marks)
        {
            Finding(canvas, mark, mucosa);
        }

        canvas.Grain(scene.Noise, 0.012f);
        canvas.Fill(new Beyond<Plate>(new Plate(0.5f, 0.5f, 0.47f, 0.47f, 0.2f)), 0.01f, 0.012f);
    }

    private static void Finding(Canvas canvas, Mark mark, NoiseField mucosa)
    {
        float r = mark.RadiusX;
        switch (mark.Type.Name)
        {
            case "polyp":
                canvas.Fill(new Ellipse(mark.X + (0.18f * r), mark.Y + (0.22f * r), r * 1.2f, r * 1.2f), new Ink(0.3f, 0.06f, 0.06f), 0.03f, 0.75f);
                canvas.Fill(mark.Shape(), new Ink(0.93f, 0.6f, 0.55f), 0.006f);
                canvas.Glow(mark.X - (0.2f * r), mark.Y - (0.25f * r), r * 0.8f, r * 0.8f, new Ink(0.12f, 0.2f, 0.18f));
                canvas.Fill(new Ellipse(mark.X - (0.3f * r), mark.Y - (0.35f * r), 0.016f, 0.012f), 1f);
                break;
            case "ulcer":
                canvas.Fill(new Wobbly<Ellipse>(mark.Shape(1.25f), mucosa, 0.015f), new Ink(0.62f, 0.06f, 0.08f), 0.01f);
                canvas.Fill(new Wobbly<Ellipse>(mark.Shape(0.9f), mucosa, 0.015f), new Ink(0.97f, 0.93f, 0.66f), 0.008f);
                break;
            default:
                canvas.Fill(new Wobbly<Ellipse>(mark.Shape(), mucosa, 0.03f), new Ink(0.4f, 0f, 0.02f), 0.008f);
                canvas.Fill(new Wobbly<Ellipse>(new Ellipse(mark.X, mark.Y + (0.7f * mark.RadiusY), 0.04f, 0.07f), mucosa, 0.02f), new Ink(0.42f, 0f, 0.02f));
                canvas.Fill(new Ellipse(mark.X - 0.02f, mark.Y - 0.03f, 0.012f, 0.008f), new Ink(0.95f, 0.6f, 0.6f));
                break;
        }
    }

    private static void Capillaries(PhantomScene scene)
    {
        for (int i = 0; i < 9; i++)
        {
            float x = scene.Anatomy.Next(0.08f, 0.92f), y = scene.Anatomy.Next(0.08f, 0.92f);
            float toX = x + scene.Anatomy.Next(-0.18f, 0.18f), toY = y + scene.Anatomy.Next(-0.18f, 0.18f);
            scene.Canvas.Fill(
                Stroke.Curve(x, y, toX, y, toX, toY, 0.004f, 0.001f), new Ink(0.65f, 0.15f, 0.17f), 0.005f, 0.35f);
        }
    }

    private static void Highlights(PhantomScene scene, float lumenX, float lumenY)
    {
        for (int i = 0; i < 9; i++)
        {
            float turns = scene.Anatomy.Next(0f, 1f), radius = scene.Anatomy.Next(0.2f, 0.42f);
            scene.Canvas.Fill(
                new Ellipse(
                    lumenX + (radius * Wave(turns + 0.25f)), lumenY + (radius * Wave(turns)), scene.Anatomy.Next(0.008f, 0.02f), 0.006f, turns + 0.25f),
                new Ink(1f, 0.97f, 0.94f), 0.008f, 0.95f);
        }
    }

    private readonly record struct Tunnel(float X, float Y, float Phase, NoiseField Twist) : IShader
    {
        public Ink Shade(float u, float v)
        {
            (u, v) = (u - X, v - Y);
            float radius = MathF.Sqrt((u * u) + (v * v)) + 1e-4f;
            float around = Twist.At(0.5f + (0.45f * u / radius), 0.5f + (0.45f * v / radius));
            float seen = radius * (1f + (0.22f * around));

            // Rings equally far apart along the tube crowd towards its far end.
            float ring = (1.1f / (seen + 0.16f)) + Phase;
            ring -= MathF.Floor(ring);
            float fold = ring < 0.85f ? ring / 0.85f : Smooth((1f - ring) / 0.15f);
            float light = Smooth((seen - 0.03f) / 0.3f) * (1.05f - (0.38f * fold * fold)) * (1.05f - (0.6f * radius * radius));
            return new Ink(0.1f, 0.01f, 0.02f) + (new Ink(0.82f, 0.43f, 0.4f) * light);
        }
    }
}
