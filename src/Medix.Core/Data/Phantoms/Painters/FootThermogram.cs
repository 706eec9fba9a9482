namespace Medix.Data.Phantoms;

/// <summary>
/// Other: a thermogram of both soles, in temperature colours with their scale. The soles face the viewer: the patient's right foot is at the picture's left.
/// </summary>
internal sealed class FootThermogram : PhantomPainter
{
    private static readonly Site[] Places =
    [
        new("right forefoot", Side.Right, 0.25f, 0.385f, 0.01f, 0.01f, 0.1f), new("left forefoot", Side.Left, 0.69f, 0.385f, 0.01f, 0.01f, 0.1f),
        new("right midfoot", Side.Right, 0.235f, 0.6f, 0.005f, 0.01f, 0.075f), new("left midfoot", Side.Left, 0.705f, 0.6f, 0.005f, 0.01f, 0.075f),
        new("right heel", Side.Right, 0.255f, 0.8f, 0.01f, 0.01f, 0.085f), new("left heel", Side.Left, 0.685f, 0.8f, 0.01f, 0.01f, 0.085f),
    ];

    private static readonly float[] Toes = [0.225f, 0.205f, 0.213f, 0.235f, 0.268f];

    public override PhantomSpec Spec { get; } = new("OTHER", "foot thermogram", "even warmth", "on the feet", SideRule.Patient,
    [
        new("warm spot", "warm spots", Places, [0.036f, 0.056f, 0.082f], 0),
        new("cold spot", "cold spots", Places, [0.036f, 0.056f, 0.082f], 0),
    ])
    {
        Preposition = "on the",
    };

    public override Palette Palette => Palette.Thermal;

    public override void Paint(PhantomScene scene)
    {
        Canvas canvas = scene.Canvas;
        NoiseField warmth = new(scene.Anatomy, 5);
        float level = scene.Anatomy.Next(0.44f, 0.5f);
        canvas.Clear(0.06f);
        foreach (float side in (ReadOnlySpan<float>)[-1f, 1f])
        {
            Foot(canvas, 0.47f + (side * 0.22f), side, level);
        }

        canvas.Modulate(warmth, 0.08f);
        canvas.Blur(0.01f * canvas.Size, 1);
        foreach (Mark mark in scene.Of("warm spot"))
        {
            canvas.Fill(mark.Shape(), 0.9f, 0.02f);
        }

        foreach (Mark mark in scene.Of("cold spot"))
        {
            canvas.Fill(mark.Shape(), 0.16f, 0.02f);
        }

        canvas.Grain(scene.Noise, 0.012f);
        for (int i = 0; i < 32; i++)
        {
            canvas.Fill(new Plate(0.955f, 0.9f - (0.025f * i), 0.02f, 0.018f), i / 31f);
        }
    }

    /// <summary>A sole; the big toe is towards the other foot.</summary>
    private static void Foot(Canvas canvas, float x, float side, float level)
    {
        canvas.Fill(new Ellipse(x, 0.8f, 0.09f, 0.105f), level, 0.015f);
        canvas.Fill(new Stroke([x + (side * 0.015f), x + (side * 0.02f), x], [0.8f, 0.6f, 0.42f], 0.075f, 0.09f), level + 0.05f, 0.015f);
        canvas.Fill(new Ellipse(x, 0.385f, 0.12f, 0.11f), level, 0.015f);
        for (int toe = 0; toe < 5; toe++)
        {
            float away = x + (side * ((toe * 0.052f) - 0.09f));
            float radius = toe == 0 ? 0.04f : 0.024f;
            canvas.Fill(new Ellipse(away, Toes[toe], radius, radius * 1.3f), level - 0.08f, 0.008f);
        }
    }
}
