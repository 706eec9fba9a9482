namespace Medix.Data.Phantoms;

/// <summary>A frontal whole-body projection of FDG uptake, white to black: brain, heart, liver, kidneys and bladder are dark in everybody.</summary>
internal sealed class BodyPet : PhantomPainter
{
    private static readonly Site[] Places =
    [
        new("right neck", Side.Right, 0.445f, 0.235f, 0.003f, 0.005f, 0.035f), new("left neck", Side.Left, 0.555f, 0.235f, 0.003f, 0.005f, 0.035f),
        new("right chest", Side.Right, 0.36f, 0.36f, MaxRadius: 0.08f), new("left chest", Side.Left, 0.65f, 0.34f, MaxRadius: 0.08f),
        new("right abdomen", Side.Right, 0.39f, 0.665f, MaxRadius: 0.08f), new("left abdomen", Side.Left, 0.61f, 0.665f, MaxRadius: 0.08f),
        new("right thigh", Side.Right, 0.385f, 0.9f, 0.01f, 0.02f, 0.08f), new("left thigh", Side.Left, 0.615f, 0.9f, 0.01f, 0.02f, 0.08f),
    ];

    public override PhantomSpec Spec { get; } = new("PET_SCAN", "PET scan", "normal uptake", "in the body", SideRule.Patient,
    [
        new("hot spot", "hot spots", Places, [0.034f, 0.053f, 0.08f], -1),
        new("marrow uptake", null, [new("spine", Side.None, 0.5f, 0.5f, 0f, 0f)], [0.1f], -1, 0.06f) { Bare = true },
    ]);

    public override Palette Palette => Palette.Inverted;

    public override void Paint(PhantomScene scene)
    {
        Canvas canvas = scene.Canvas;
        NoiseField wobble = new(scene.Anatomy, 6);
        canvas.Clear(0.01f);
        Body(canvas, wobble);
        Uptake(scene, wobble);
        foreach (Mark mark in scene.Of("marrow uptake"))
        {
            for (int i = 0; i < 13; i++)
            {
                canvas.Fill(new Plate(mark.X, 0.26f + (0.042f * i), 0.036f, 0.017f, 0.01f), 0.9f, 0.01f);
            }
        }

        canvas.Blur(0.012f * canvas.Size);
        foreach (Mark mark in scene.Of("hot spot"))
        {
            canvas.Fill(mark.Shape(), 1f, 0.014f);
        }

        canvas.Count(scene.Noise, 300f);
        canvas.Blur(0.006f * canvas.Size);
        canvas.Grain(scene.Noise, 0.008f);
    }

    private static void Body(Canvas canvas, NoiseField wobble)
    {
        const float Flesh = 0.16f;
        canvas.Fill(new Ellipse(0.5f, 0.115f, 0.085f, 0.105f), Flesh, 0.01f);
        canvas.Fill(new Plate(0.5f, 0.22f, 0.05f, 0.06f, 0.02f), Flesh, 0.01f);
        canvas.Fill(new Wobbly<Plate>(new Plate(0.5f, 0.54f, 0.205f, 0.285f, 0.12f), wobble, 0.015f), Flesh, 0.01f);
        foreach (float side in (ReadOnlySpan<float>)[-1f, 1f])
        {
            canvas.Fill(Stroke.Curve(0.5f + (side * 0.19f), 0.32f, 0.5f + (side * 0.29f), 0.4f, 0.5f + (side * 0.31f), 0.72f, 0.05f, 0.03f), Flesh, 0.01f);
            canvas.Fill(new Stroke([0.5f + (side * 0.11f), 0.5f + (side * 0.115f)], [0.8f, 1.05f], 0.1f, 0.085f), Flesh, 0.01f);
            canvas.Fill(new Ellipse(0.5f + (side * 0.105f), 0.4f, 0.07f, 0.115f), 0.09f, 0.02f);
        }

        canvas.Fill(new Plate(0.5f, 0.5f, 0.022f, 0.28f, 0.01f), 0.25f, 0.01f);
    }

    private static void Uptake(PhantomScene scene, NoiseField wobble)
    {
        Canvas canvas = scene.Canvas;
        float level = scene.Anatomy.Next(0.9f, 1.1f);
        canvas.Fill(new Ellipse(0.5f, 0.085f, 0.068f, 0.06f), 0.85f, 0.01f);
        canvas.Fill(new Ellipse(0.545f, 0.41f, 0.05f, 0.042f, 0.06f), 0.42f * level, 0.01f);
        canvas.Fill(new Ellipse(0.55f, 0.41f, 0.022f, 0.017f, 0.06f), 0.2f, 0.01f);
        canvas.Fill(new Wobbly<Ellipse>(new Ellipse(0.41f, 0.52f, 0.095f, 0.052f, -0.03f), wobble, 0.015f), 0.34f * level, 0.01f);
        canvas.Fill(new Ellipse(0.615f, 0.53f, 0.03f, 0.045f, 0.03f), 0.28f, 0.01f);
        canvas.Fill(new Ellipse(0.44f, 0.6f, 0.02f, 0.03f), 0.42f * level, 0.01f);
        canvas.Fill(new Ellipse(0.56f, 0.6f, 0.02f, 0.03f), 0.42f * level, 0.01f);
        canvas.Fill(new Ellipse(0.5f, 0.785f, 0.05f, 0.035f), 0.6f, 0.01f);
    }
}
