namespace Medix.Data.Phantoms;

/// <summary>
/// A fundus photograph: orange retina in a round field, optic disc on the nasal side, arcade vessels, dark macula.
/// Drawn as a right eye, mirrored for a left one.
/// </summary>
internal sealed class FundusPhotograph : PhantomPainter
{
    private static readonly Ink Vein = new(0.42f, 0.06f, 0.05f), Artery = new(0.62f, 0.13f, 0.07f);

    private static readonly Site[] Regions =
    [
        new("upper temporal region", Side.None, 0.35f, 0.29f, MaxRadius: 0.095f), new("lower temporal region", Side.None, 0.35f, 0.72f, MaxRadius: 0.095f),
        new("upper nasal region", Side.None, 0.72f, 0.235f, MaxRadius: 0.095f), new("lower nasal region", Side.None, 0.72f, 0.76f, MaxRadius: 0.095f),
        new("macula", Side.None, 0.37f, 0.5f, 0.01f, 0.01f, 0.095f),
    ];

    public override PhantomSpec Spec { get; } = new("FUNDUS_PHOTOGRAPHY", "fundus photograph", "normal retina", "in the retina", SideRule.Eye,
    [
        new("haemorrhage", "haemorrhages", Regions, [0.038f, 0.06f, 0.092f], -1),
        new("exudate", "exudates", Regions, [0.038f, 0.06f, 0.092f], 1),
    ])
    {
        DrawnSide = Side.Right,
    };

    public override bool Colour => true;

    public override void Paint(PhantomScene scene)
    {
        Canvas canvas = scene.Canvas;
        NoiseField choroid = new(scene.Anatomy, 11), wobble = new(scene.Anatomy, 16);
        float warmth = scene.Anatomy.Next(0.9f, 1.08f);
        canvas.Shade(new Retina(new Ink(0.88f * warmth, 0.43f, 0.17f)));
        canvas.Modulate(choroid, 0.06f);
        canvas.Glow(0.37f, 0.5f, 0.14f, 0.14f, new Ink(-0.3f, -0.22f, -0.1f));
        canvas.Fill(new Ellipse(0.735f, 0.5f, 0.09f, 0.1f), new Ink(1f, 0.78f, 0.4f), 0.012f);
        canvas.Fill(new Ellipse(0.74f, 0.5f, 0.045f, 0.052f), new Ink(1f, 0.95f, 0.72f), 0.015f);
        Vessels(scene);
        foreach (Mark mark in scene.Of("haemorrhage"))
        {
            canvas.Fill(new Wobbly<Ellipse>(mark.Shape(), wobble, 0.014f), new Ink(0.3f, 0.01f, 0.02f), 0.008f);
        }

        foreach (Mark mark in scene.Of("exudate"))
        {
            canvas.Fill(new Wobbly<Ellipse>(mark.Shape(), wobble, 0.02f), new Ink(1f, 0.96f, 0.6f), 0.006f);
        }

        canvas.Grain(scene.Noise, 0.012f);
        canvas.Fill(new Beyond<Ellipse>(new Ellipse(0.5f, 0.5f, 0.47f, 0.47f)), 0.015f);
    }

    private static void Vessels(PhantomScene scene)
    {
        foreach (float up in (ReadOnlySpan<float>)[-1f, 1f])
        {
            for (int pair = 0; pair < 2; pair++)
            {
                Ink ink = pair == 0 ? Vein : Artery;
                float width = pair == 0 ? 0.0105f : 0.0075f, shift = pair * 0.035f;
                Arcade(scene, ink, up, width, shift);
            }
        }
    }

    private static void Arcade(PhantomScene scene, Ink ink, float up, float width, float shift)
    {
        Canvas canvas = scene.Canvas;
        float bend = 0.31f - shift + scene.Anatomy.Next(-0.02f, 0.02f);
        float Y(float away) => 0.5f + (up * away);
        canvas.Fill(Stroke.Curve(0.735f, 0.5f, 0.68f, Y(bend * 1.25f), 0.36f, Y(bend), width, width * 0.7f), ink, 0f, 0.9f);
        canvas.Fill(Stroke.Curve(0.36f, Y(bend), 0.22f, Y(bend * 0.9f), 0.08f, Y(0.2f), width * 0.7f, width * 0.3f), ink, 0f, 0.9f);
        canvas.Fill(Stroke.Curve(0.745f, 0.5f, 0.78f, Y(0.2f), 0.9f, Y(0.3f - shift), width * 0.8f, width * 0.3f), ink, 0f, 0.9f);
        for (int i = 0; i < 3; i++)
        {
            float x = 0.3f + (0.13f * i), inwards = i == 1 ? 0.35f : 1.4f, endX = x - scene.Anatomy.Next(0.05f, 0.14f);
            Stroke twig = Stroke.Curve(
                x, Y(bend - 0.015f + (0.02f * i)), x - 0.02f, Y(bend * (inwards + 1f) / 2f), endX, Y(bend * inwards), width * 0.5f, width * 0.25f);
            canvas.Fill(twig, ink, 0f, 0.85f);
        }
    }

    private readonly record struct Retina(Ink Middle) : IShader
    {
        public Ink Shade(float u, float v)
        {
            (u, v) = (u - 0.5f, v - 0.5f);
            return Middle * (1.05f - (1.5f * ((u * u) + (v * v))));
        }
    }
}
