namespace Medix.Data.Phantoms;

/// <summary>
/// A contrast swallow under fluoroscopy: few photons, round collimator, spine and ribs, the dark contrast column of the oesophagus, a feeding tube.
/// </summary>
internal sealed class SwallowFluoroscopy : PhantomPainter
{
    private static readonly Site[] Pouches =
    [
        new("right upper third", Side.Right, 0.37f, 0.24f), new("left upper third", Side.Left, 0.63f, 0.24f),
        new("right middle third", Side.Right, 0.37f, 0.47f), new("left middle third", Side.Left, 0.63f, 0.47f),
        new("right lower third", Side.Right, 0.37f, 0.7f), new("left lower third", Side.Left, 0.63f, 0.7f),
    ];

    private static readonly Site[] Column =
    [
        new("upper third", Side.None, 0.5f, 0.24f, 0f), new("middle third", Side.None, 0.5f, 0.47f, 0f), new("lower third", Side.None, 0.5f, 0.7f, 0f),
    ];

    public override PhantomSpec Spec { get; } = new("FLUOROSCOPY", "contrast swallow", "free passage", "along the oesophagus", SideRule.Patient,
    [
        new("pouch", "pouches", Pouches, [0.046f, 0.068f, 0.1f], -1),
        new("stricture", null, Column, [0.07f], 1),
        new("filling defect", null, Column, [0.038f], 1, 0.8f),
    ]);

    public override void Paint(PhantomScene scene)
    {
        Canvas canvas = scene.Canvas;
        NoiseField soft = new(scene.Anatomy, 5);
        canvas.Clear(0.66f);
        canvas.Modulate(soft, 0.07f);
        Bones(canvas);
        Contrast(scene);
        canvas.Fill(Stroke.Curve(0.76f, 0f, 0.72f, 0.4f, 0.83f, 0.95f, 0.006f, 0.006f), 0.25f, 0.004f, 0.7f);
        canvas.Count(scene.Noise, 60f);
        canvas.Blur(0.5f);
        canvas.Grain(scene.Noise, 0.035f);
        canvas.Fill(new Beyond<Plate>(new Plate(0.5f, 0.5f, 0.475f, 0.475f, 0.24f)), 0.02f);
    }

    private static void Bones(Canvas canvas)
    {
        canvas.Fill(new Plate(0.47f, 0.5f, 0.095f, 0.7f), 0.54f, 0.02f);
        for (int i = 0; i < 6; i++)
        {
            float y = 0.06f + (0.17f * i);
            canvas.Fill(new Plate(0.47f, y, 0.105f, 0.062f, 0.03f), 0.48f, 0.012f, 0.8f);
            foreach (float side in (ReadOnlySpan<float>)[-1f, 1f])
            {
                float X(float away) => 0.5f + (side * away);
                canvas.Fill(Stroke.Curve(X(0.07f), y, X(0.3f), y - 0.03f, X(0.5f), y + 0.12f, 0.018f, 0.016f), 0.55f, 0.01f, 0.6f);
            }
        }

        canvas.Fill(new Ellipse(0.8f, 1.05f, 0.35f, 0.2f), 0.45f, 0.03f, 0.7f);
    }

    private static void Contrast(PhantomScene scene)
    {
        Canvas canvas = scene.Canvas;
        foreach (Mark mark in scene.Of("pouch"))
        {
            float neck = mark.X < 0.5f ? 0.46f : 0.54f;
            canvas.Fill(Stroke.Line(neck, mark.Y, mark.X, mark.Y, 0.02f), 0.1f, 0.01f);
            canvas.Fill(mark.Shape(), 0.06f, 0.008f);
        }

        Stroke column = new([0.5f, 0.495f, 0.505f, 0.5f, 0.52f], [-0.1f, 0.25f, 0.5f, 0.75f, 0.86f], 0.048f, 0.05f);
        Mark? narrow = scene.Of("stricture").FirstOrDefault();
        if (narrow is null)
        {
            canvas.Fill(column, 0.1f, 0.01f);
        }
        else
        {
            canvas.Fill(new Pinched<Stroke>(column, narrow.X, narrow.Y, narrow.RadiusX * 1.6f, 0.05f), 0.1f, 0.01f);
        }

        canvas.Fill(new Ellipse(0.6f, 0.92f, 0.14f, 0.09f, 0.03f), 0.1f, 0.01f);
        foreach (Mark mark in scene.Of("filling defect"))
        {
            canvas.Fill(mark.Shape(), 0.72f, 0.008f);
        }
    }
}
