namespace Medix.Data.Phantoms;

/// <summary>A frontal chest radiograph: lungs, ribs, spine, heart, diaphragm, and the side marker.</summary>
internal sealed class ChestRadiograph : PhantomPainter
{
    private static readonly Site[] Zones =
    [
        new("right upper zone", Side.Right, 0.30f, 0.27f, MaxRadius: 0.11f), new("left upper zone", Side.Left, 0.70f, 0.27f, MaxRadius: 0.11f),
        new("right middle zone", Side.Right, 0.27f, 0.46f, MaxRadius: 0.11f), new("left middle zone", Side.Left, 0.735f, 0.46f, MaxRadius: 0.11f),
        new("right lower zone", Side.Right, 0.28f, 0.64f, MaxRadius: 0.09f), new("left lower zone", Side.Left, 0.755f, 0.64f, MaxRadius: 0.09f),
    ];

    private static readonly Site[] Bases =
    [
        new("right lung base", Side.Right, 0.26f, 0.70f, 0f, 0.015f), new("left lung base", Side.Left, 0.76f, 0.70f, 0f, 0.015f),
    ];

    public override PhantomSpec Spec { get; } = new("X_RAY", "chest radiograph", "clear lungs", "in the lungs", SideRule.Patient,
    [
        new("nodule", "nodules", Zones, [0.040f, 0.066f, 0.105f], 1),
        new("consolidation", null, Zones, [0.09f], 1, 1.5f),
        new("pleural effusion", null, Bases, [0.105f], 1, 1.3f),
    ]);

    public override void Paint(PhantomScene scene)
    {
        Canvas canvas = scene.Canvas;
        NoiseField coarse = new(scene.Anatomy, 6), fine = new(scene.Anatomy, 24);
        canvas.Clear(0.03f);
        Torso(canvas, coarse);
        Ellipse rightLung = new(0.295f, 0.46f, 0.155f, 0.34f, 0.012f), leftLung = new(0.71f, 0.46f, 0.15f, 0.34f, -0.012f);
        canvas.Fill(new Wobbly<Ellipse>(rightLung, coarse, 0.012f), 0.19f, 0.02f);
        canvas.Fill(new Wobbly<Ellipse>(leftLung, coarse, 0.012f), 0.19f, 0.02f);
        LungMarkings(scene);
        Mediastinum(canvas);
        foreach (Mark mark in scene.Of("consolidation"))
        {
            canvas.Fill(new Wobbly<Ellipse>(mark.Shape(), fine, 0.022f), 0.68f, 0.03f, 0.9f);
        }

        Bones(scene);
        foreach (Mark mark in scene.Of("nodule"))
        {
            canvas.Fill(mark.Shape(), 0.8f, 0.012f, 0.92f);
        }

        foreach (Mark mark in scene.Of("pleural effusion"))
        {
            Effusion(canvas, mark, mark.Site.Side == Side.Right ? rightLung : leftLung);
        }

        canvas.Modulate(fine, 0.05f);
        canvas.Grain(scene.Noise, 0.018f);
        canvas.Letter('R', 0.04f, 0.05f, 0.016f, 0.95f);
    }

    private static void Torso(Canvas canvas, NoiseField coarse)
    {
        canvas.Fill(new Plate(0.5f, 0.1f, 0.09f, 0.2f, 0.04f), 0.5f, 0.03f);
        canvas.Fill(new Wobbly<Ellipse>(new Ellipse(0.5f, 0.72f, 0.49f, 0.6f), coarse, 0.02f), 0.5f, 0.03f);
        canvas.Fill(new Ellipse(0.16f, 0.28f, 0.13f, 0.1f, 0.08f), 0.56f, 0.05f, 0.8f);
        canvas.Fill(new Ellipse(0.84f, 0.28f, 0.13f, 0.1f, -0.08f), 0.56f, 0.05f, 0.8f);
    }

    private static void LungMarkings(PhantomScene scene)
    {
        foreach (float side in (ReadOnlySpan<float>)[-1f, 1f])
        {
            for (int i = 0; i < 7; i++)
            {
                float x = 0.5f + (side * scene.Anatomy.Next(0.07f, 0.12f)), y = scene.Anatomy.Next(0.38f, 0.5f);
                float endX = 0.5f + (side * scene.Anatomy.Next(0.2f, 0.32f)), endY = scene.Anatomy.Next(0.22f, 0.74f);
                float bendX = 0.5f + (side * scene.Anatomy.Next(0.12f, 0.2f)), bendY = PhantomMaths.Mix(y, endY, scene.Anatomy.Next(0.2f, 0.7f));
                scene.Canvas.Add(Stroke.Curve(x, y, bendX, bendY, endX, endY, 0.01f, 0.003f), 0.075f, 0.01f);
            }

            scene.Canvas.Glow(0.5f + (side * 0.11f), 0.44f, 0.1f, 0.12f, 0.14f);
        }
    }

    private static void Mediastinum(Canvas canvas)
    {
        canvas.Fill(new Plate(0.5f, 0.42f, 0.06f, 0.42f, 0.03f), 0.58f, 0.02f);
        canvas.Fill(new Ellipse(0.545f, 0.31f, 0.05f, 0.05f), 0.62f, 0.015f);
        canvas.Fill(new Ellipse(0.575f, 0.635f, 0.14f, 0.115f, 0.07f), 0.68f, 0.014f);
        canvas.Fill(new Ellipse(0.44f, 0.6f, 0.05f, 0.09f), 0.64f, 0.02f);
        canvas.Fill(new Plate(0.5f, 0.12f, 0.018f, 0.2f, 0.015f), 0.33f, 0.012f);
        canvas.Fill(new Ellipse(0.29f, 0.965f, 0.24f, 0.24f), 0.7f, 0.012f);
        canvas.Fill(new Ellipse(0.72f, 0.985f, 0.23f, 0.24f), 0.66f, 0.012f);
        canvas.Glow(0.7f, 0.83f, 0.05f, 0.03f, -0.3f);
        canvas.Fill(new Plate(0.5f, 0.95f, 0.3f, 0.1f), 0.7f, 0.04f);
    }

    private static void Bones(PhantomScene scene)
    {
        Canvas canvas = scene.Canvas;
        for (int i = 0; i < 11; i++)
        {
            canvas.Add(new Plate(0.5f, 0.06f + (0.085f * i), 0.034f, 0.03f, 0.012f), 0.075f, 0.008f);
        }

        for (int i = 0; i < 7; i++)
        {
            float y = 0.2f + (0.085f * i), reach = 0.3f + (0.03f * MathF.Min(i, 3));
            foreach (float side in (ReadOnlySpan<float>)[-1f, 1f])
            {
                float X(float away) => 0.5f + (side * away);
                canvas.Add(Stroke.Curve(X(0.05f), y, X(0.22f), y - 0.07f, X(reach), y + 0.1f, 0.012f, 0.011f), 0.13f, 0.007f);
                canvas.Add(Stroke.Curve(X(reach), y + 0.1f, X(0.3f), y + 0.19f, X(0.15f), y + 0.2f, 0.01f, 0.008f), 0.05f, 0.007f);
            }
        }

        canvas.Add(Stroke.Curve(0.46f, 0.185f, 0.3f, 0.19f, 0.14f, 0.12f, 0.014f, 0.018f), 0.2f, 0.008f);
        canvas.Add(Stroke.Curve(0.54f, 0.185f, 0.7f, 0.19f, 0.86f, 0.12f, 0.014f, 0.018f), 0.2f, 0.008f);
    }

    private static void Effusion(Canvas canvas, Mark mark, Ellipse lung)
    {
        // A level that climbs along the chest wall: everything below a large circle whose centre is above and towards the midline.
        float inwards = mark.Site.Side == Side.Right ? 0.16f : -0.16f;
        Ellipse air = new(mark.X + inwards, mark.Y - 0.42f, 0.36f, 0.36f);
        canvas.Fill(new Both<Beyond<Ellipse>, Ellipse>(new Beyond<Ellipse>(air), lung), 0.76f, 0.012f, 0.97f);
    }
}
