namespace Medix.Data.Phantoms;

/// <summary>
/// An axial CT slice of the upper abdomen, seen from the feet: circular field of 400 mm, table, fat, ribs, spine, liver, spleen, stomach, kidneys.
/// </summary>
internal sealed class AbdominalCt : PhantomPainter
{
    private static readonly Site LiverLateral = new("liver", Side.Right, 0.27f, 0.42f, MaxRadius: 0.105f);
    private static readonly Site LiverMedial = new("liver", Side.Right, 0.41f, 0.33f, MaxRadius: 0.07f);
    private static readonly Site Spleen = new("spleen", Side.Left, 0.775f, 0.47f, 0.01f, 0.02f, 0.07f);
    private static readonly Site RightKidney = new("right kidney", Side.Right, 0.335f, 0.615f, 0.01f, 0.01f, 0.07f);
    private static readonly Site LeftKidney = new("left kidney", Side.Left, 0.665f, 0.62f, 0.01f, 0.01f, 0.07f);

    public override PhantomSpec Spec { get; } = new("CT_SCAN", "abdominal CT slice", "normal organs", "in the abdomen", SideRule.Patient,
    [
        new("cyst", "cysts", [LiverLateral, LiverMedial, Spleen, RightKidney, LeftKidney], [0.0375f, 0.0625f, 0.1f], -1),
        new("tumour", "tumours", [LiverLateral, LiverMedial, Spleen, RightKidney, LeftKidney], [0.0375f, 0.0625f, 0.1f], 1),
    ])
    {
        Sizes = ["30 mm", "50 mm", "80 mm"],
    };

    public override void Paint(PhantomScene scene)
    {
        Canvas canvas = scene.Canvas;
        NoiseField wobble = new(scene.Anatomy, 6), texture = new(scene.Anatomy, 20);
        canvas.Clear(0f);
        canvas.Fill(new Ellipse(0.5f, 0.5f, 0.495f, 0.495f), 0.05f);
        Table(canvas);
        Wall(canvas, wobble);
        Organs(canvas, wobble);
        foreach (Mark mark in scene.Of("cyst"))
        {
            canvas.Fill(mark.Shape(), 0.2f, 0.006f);
        }

        foreach (Mark mark in scene.Of("tumour"))
        {
            canvas.Fill(new Wobbly<Ellipse>(mark.Shape(), texture, 0.01f), 0.95f, 0.008f);
        }

        canvas.Modulate(texture, 0.04f);
        canvas.Grain(scene.Noise, 0.03f);
        canvas.Fill(new Beyond<Ellipse>(new Ellipse(0.5f, 0.5f, 0.495f, 0.495f)), 0f);
    }

    private static void Table(Canvas canvas)
    {
        canvas.Fill(Stroke.Curve(0.14f, 0.83f, 0.5f, 0.93f, 0.86f, 0.83f, 0.008f, 0.008f), 0.5f);
        canvas.Fill(Stroke.Curve(0.14f, 0.85f, 0.5f, 1.02f, 0.86f, 0.85f, 0.004f, 0.004f), 0.35f);
    }

    private static void Wall(Canvas canvas, NoiseField wobble)
    {
        canvas.Fill(new Wobbly<Ellipse>(new Ellipse(0.5f, 0.51f, 0.435f, 0.335f), wobble, 0.008f), 0.3f);
        canvas.Fill(new Wobbly<Ellipse>(new Ellipse(0.5f, 0.51f, 0.4f, 0.3f), wobble, 0.012f), 0.52f);
        canvas.Fill(new Wobbly<Ellipse>(new Ellipse(0.5f, 0.48f, 0.365f, 0.255f), wobble, 0.012f), 0.3f);
        canvas.Fill(new Ellipse(0.4f, 0.735f, 0.075f, 0.055f), 0.55f);
        canvas.Fill(new Ellipse(0.6f, 0.735f, 0.075f, 0.055f), 0.55f);
        for (int i = 0; i < 11; i++)
        {
            // Ribs cut across: short bright dashes on an ellipse, none in front.
            float turns = 0.02f + (i * 0.046f) - 0.01f;
            float x = 0.5f + (0.385f * PhantomMaths.Wave(turns + 0.25f)), y = 0.51f + (0.285f * PhantomMaths.Wave(turns));
            canvas.Fill(new Ellipse(x, y, 0.032f, 0.013f, turns + 0.25f), 0.92f, 0.006f);
        }

        canvas.Fill(new Ellipse(0.5f, 0.655f, 0.062f, 0.055f), 0.95f, 0.008f);
        canvas.Fill(new Ellipse(0.5f, 0.65f, 0.042f, 0.035f), 0.78f, 0.012f);
        canvas.Fill(Stroke.Line(0.4f, 0.735f, 0.6f, 0.735f, 0.012f), 0.9f);
        canvas.Fill(Stroke.Line(0.5f, 0.74f, 0.5f, 0.8f, 0.012f), 0.9f);
        canvas.Fill(new Ellipse(0.5f, 0.72f, 0.025f, 0.02f), 0.5f);
    }

    private static void Organs(Canvas canvas, NoiseField wobble)
    {
        canvas.Fill(new Wobbly<Ellipse>(new Ellipse(0.3f, 0.43f, 0.155f, 0.175f), wobble, 0.025f), 0.62f, 0.008f);
        canvas.Fill(new Wobbly<Ellipse>(new Ellipse(0.43f, 0.335f, 0.13f, 0.085f, 0.02f), wobble, 0.02f), 0.62f, 0.008f);
        canvas.Fill(new Wobbly<Ellipse>(new Ellipse(0.655f, 0.38f, 0.105f, 0.105f, 0.05f), wobble, 0.02f), 0.5f, 0.008f);
        canvas.Fill(new Both<Ellipse, Plate>(new Ellipse(0.655f, 0.38f, 0.085f, 0.085f), new Plate(0.655f, 0.3f, 0.2f, 0.055f)), 0.03f, 0.006f);
        canvas.Fill(new Wobbly<Ellipse>(new Ellipse(0.785f, 0.48f, 0.068f, 0.125f, -0.03f), wobble, 0.015f), 0.64f, 0.008f);
        foreach (float side in (ReadOnlySpan<float>)[-1f, 1f])
        {
            float x = 0.5f + (side * 0.165f);
            canvas.Fill(new Ellipse(x, 0.615f, 0.06f, 0.08f, side * 0.06f), 0.74f, 0.008f);
            canvas.Fill(new Ellipse(x - (side * 0.03f), 0.6f, 0.025f, 0.03f), 0.42f, 0.012f);
        }

        canvas.Fill(new Ellipse(0.53f, 0.565f, 0.032f, 0.032f), 0.8f, 0.006f);
        canvas.Fill(new Ellipse(0.455f, 0.55f, 0.032f, 0.026f), 0.72f, 0.006f);
        canvas.Fill(new Wobbly<Ellipse>(new Ellipse(0.54f, 0.48f, 0.11f, 0.03f, -0.03f), wobble, 0.015f), 0.52f, 0.008f);
    }
}
