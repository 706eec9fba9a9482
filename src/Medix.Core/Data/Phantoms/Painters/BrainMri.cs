namespace Medix.Data.Phantoms;

/// <summary>
/// An axial T1-weighted MR slice of the brain after contrast: bright scalp, dark skull and fluid, folded grey matter, ventricles, a coil's bias field.
/// </summary>
internal sealed class BrainMri : PhantomPainter
{
    private static readonly Site[] Lobes =
    [
        new("right frontal lobe", Side.Right, 0.37f, 0.26f, MaxRadius: 0.095f), new("left frontal lobe", Side.Left, 0.63f, 0.26f, MaxRadius: 0.095f),
        new("right parietal lobe", Side.Right, 0.29f, 0.5f, MaxRadius: 0.1f), new("left parietal lobe", Side.Left, 0.71f, 0.5f, MaxRadius: 0.1f),
        new("right occipital lobe", Side.Right, 0.375f, 0.745f, MaxRadius: 0.095f), new("left occipital lobe", Side.Left, 0.625f, 0.745f, MaxRadius: 0.095f),
    ];

    public override PhantomSpec Spec { get; } = new("MRI_SCAN", "brain MRI", "normal brain", "in the brain", SideRule.Patient,
    [
        new("metastasis", "metastases", Lobes, [0.038f, 0.06f, 0.092f], 1),
        new("cyst", "cysts", Lobes, [0.038f, 0.06f, 0.092f], -1),
        new("abscess", null, Lobes, [0.08f], 0),
    ]);

    public override void Paint(PhantomScene scene)
    {
        Canvas canvas = scene.Canvas;
        NoiseField wobble = new(scene.Anatomy, 5), folds = new(scene.Anatomy, 22), bias = new(scene.Anatomy, 2);
        canvas.Clear(0.02f);
        canvas.Fill(new Ellipse(0.5f, 0.505f, 0.385f, 0.465f), 0.8f);
        canvas.Fill(new Ellipse(0.5f, 0.505f, 0.362f, 0.442f), 0.1f);
        canvas.Fill(new Ellipse(0.5f, 0.505f, 0.335f, 0.415f), 0.17f);
        canvas.Fill(new Wobbly<Ellipse>(new Ellipse(0.5f, 0.505f, 0.322f, 0.4f), wobble, 0.01f), 0.42f, 0.008f);
        canvas.Fill(new Wobbly<Ellipse>(new Ellipse(0.5f, 0.505f, 0.272f, 0.35f), folds, 0.035f), 0.6f, 0.01f);
        Sulci(scene);
        Midline(canvas, wobble);
        foreach (Mark mark in scene.Of("metastasis"))
        {
            canvas.Glow(mark.X, mark.Y, mark.RadiusX * 1.7f, mark.RadiusY * 1.7f, -0.35f);
            canvas.Fill(mark.Shape(), 1.05f, 0.006f);
        }

        foreach (Mark mark in scene.Of("cyst"))
        {
            canvas.Fill(mark.Shape(), 0.07f, 0.006f);
        }

        foreach (Mark mark in scene.Of("abscess"))
        {
            canvas.Fill(new Wobbly<Ellipse>(mark.Shape(), wobble, 0.008f), 1.05f, 0.006f);
            canvas.Fill(new Wobbly<Ellipse>(mark.Shape(0.62f), wobble, 0.008f), 0.1f, 0.006f);
        }

        canvas.Modulate(bias, 0.16f);
        canvas.Grain(scene.Noise, 0.022f);
    }

    /// <summary>Dark furrows from the surface inwards.</summary>
    private static void Sulci(PhantomScene scene)
    {
        const int Around = 34;
        for (int i = 0; i < Around; i++)
        {
            float turns = (i + scene.Anatomy.Next(-0.25f, 0.25f)) / Around, bent = turns + scene.Anatomy.Next(-0.012f, 0.012f);
            float depth = scene.Anatomy.Next(0.72f, 0.88f), middle = 0.5f * (1f + depth);
            float cos = PhantomMaths.Wave(turns + 0.25f), sin = PhantomMaths.Wave(turns);
            scene.Canvas.Fill(
                Stroke.Curve(
                    0.5f + (0.325f * cos), 0.505f + (0.405f * sin),
                    0.5f + (0.325f * middle * PhantomMaths.Wave(bent + 0.25f)), 0.505f + (0.405f * middle * PhantomMaths.Wave(bent)),
                    0.5f + (0.325f * depth * cos), 0.505f + (0.405f * depth * sin), 0.007f, 0.003f),
                0.16f, 0.007f, 0.75f);
        }
    }

    private static void Midline(Canvas canvas, NoiseField wobble)
    {
        canvas.Fill(Stroke.Line(0.5f, 0.11f, 0.5f, 0.3f, 0.006f), 0.15f);
        canvas.Fill(Stroke.Line(0.5f, 0.68f, 0.5f, 0.9f, 0.006f), 0.15f);
        canvas.Fill(new Ellipse(0.5f, 0.92f, 0.02f, 0.014f), 0.95f);
        foreach (float side in (ReadOnlySpan<float>)[-1f, 1f])
        {
            canvas.Fill(new Wobbly<Ellipse>(new Ellipse(0.5f + (side * 0.135f), 0.5f, 0.045f, 0.085f, side * -0.04f), wobble, 0.012f), 0.5f, 0.01f);
            canvas.Fill(Stroke.Curve(0.5f + (side * 0.05f), 0.37f, 0.5f + (side * 0.005f), 0.5f, 0.5f + (side * 0.09f), 0.64f, 0.024f, 0.016f), 0.08f, 0.008f);
        }

        canvas.Fill(new Ellipse(0.5f, 0.53f, 0.01f, 0.05f), 0.1f);
    }
}
