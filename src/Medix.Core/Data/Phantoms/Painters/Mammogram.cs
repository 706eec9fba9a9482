using static Medix.Data.Phantoms.PhantomMaths;

namespace Medix.Data.Phantoms;

/// <summary>
/// An oblique mammogram: the breast's outline, chest muscle, fibroglandular strands towards the nipple, and the side marker. 200 mm high.
/// Drawn as a left breast (chest wall at the picture's left), mirrored for a right one, as pairs are hung.
/// </summary>
internal sealed class Mammogram : PhantomPainter
{
    private static readonly Site[] Places =
    [
        new("upper part", Side.None, 0.3f, 0.3f, 0.03f), new("lower part", Side.None, 0.27f, 0.74f, 0.03f),
        new("centre", Side.None, 0.24f, 0.53f), new("nipple area", Side.None, 0.5f, 0.52f),
    ];

    public override PhantomSpec Spec { get; } = new("MAMMOGRAPHY", "mammogram", "even tissue", "in the breast", SideRule.Breast,
    [
        new("mass", "masses", Places, [0.038f, 0.0625f, 0.1f], 1),
        new("calcification cluster", "calcification clusters", Places, [0.075f], 1),
    ])
    {
        Sizes = ["15 mm", "25 mm", "40 mm"],
        DrawnSide = Side.Left,
    };

    public override void Paint(PhantomScene scene)
    {
        Canvas canvas = scene.Canvas;
        NoiseField broad = new(scene.Anatomy, 5), tissue = new(scene.Anatomy, 12), fine = new(scene.Anatomy, 30);
        canvas.Shade(new Breast(broad, tissue));
        Strands(scene);
        Ellipse muscle = new(-0.03f, 0.02f, 0.27f, 0.5f, 0.03f);
        canvas.Fill(new Both<Ellipse, Ellipse>(muscle, Breast.Outline), 0.62f, 0.015f, 0.8f);
        canvas.Modulate(fine, 0.09f);
        foreach (Mark mark in scene.Marks)
        {
            Finding(scene, mark);
        }

        canvas.Grain(scene.Noise, 0.014f);
        bool left = !canvas.Frame.Mirrored;
        canvas.Letter(left ? 'L' : 'R', left ? 0.86f : 0.06f, 0.06f, 0.016f, 0.95f);
    }

    private static void Strands(PhantomScene scene)
    {
        for (int i = 0; i < 14; i++)
        {
            float x = scene.Anatomy.Next(0.05f, 0.3f), y = scene.Anatomy.Next(0.25f, 0.82f);
            float bend = scene.Anatomy.Next(-0.05f, 0.05f);
            scene.Canvas.Add(
                Stroke.Curve(x, y, Mix(x, 0.62f, 0.5f), Mix(y, 0.52f, 0.35f) + bend, scene.Anatomy.Next(0.5f, 0.64f), Mix(y, 0.52f, 0.85f), 0.008f, 0.004f),
                0.07f, 0.012f);
        }
    }

    private static void Finding(PhantomScene scene, Mark mark)
    {
        Canvas canvas = scene.Canvas;
        if (mark.Type.Name == "mass")
        {
            for (int i = 0; i < 14; i++)
            {
                float turns = (i + scene.Detail.Next(-0.4f, 0.4f)) / 14f, reach = scene.Detail.Next(1.15f, 1.75f);
                float x = mark.X + (mark.RadiusX * reach * Wave(turns + 0.25f)), y = mark.Y + (mark.RadiusY * reach * Wave(turns));
                canvas.Fill(new Stroke([mark.X, x], [mark.Y, y], 0.014f, 0.001f), 0.6f, 0.01f, 0.55f);
            }

            canvas.Fill(mark.Shape(), 0.9f, 0.016f);
            return;
        }

        canvas.Glow(mark.X, mark.Y, mark.RadiusX * 1.3f, mark.RadiusY * 1.3f, 0.14f);
        for (int i = 0; i < 9; i++)
        {
            float turns = (i * 0.382f) + scene.Detail.Next(-0.03f, 0.03f), away = mark.RadiusX * MathF.Sqrt((i + 0.5f) / 9f);
            canvas.Fill(
                new Ellipse(mark.X + (away * Wave(turns + 0.25f)), mark.Y + (away * Wave(turns)), scene.Detail.Next(0.011f, 0.016f), 0.011f), 1.1f);
        }
    }

    private readonly record struct Breast(NoiseField Broad, NoiseField Tissue) : IShader
    {
        public static Ellipse Outline { get; } = new(-0.04f, 0.52f, 0.74f, 0.45f);

        private static readonly Ellipse Nipple = new(0.705f, 0.52f, 0.03f, 0.025f);
        private static readonly Ellipse Gland = new(0.18f, 0.52f, 0.44f, 0.31f);

        public Ink Shade(float u, float v)
        {
            float inside = -MathF.Min(Outline.Distance(u, v), Nipple.Distance(u, v));
            if (inside < 0f)
            {
                return 0.02f;
            }

            // Thinner towards the skin, whose line itself is bright.
            float thick = Smooth((inside + 0.03f) / 0.13f);
            float skin = inside < 0.012f ? 0.14f : 0f;
            float gland = Smooth((0.1f - Gland.Distance(u, v) + (0.14f * Broad.At(u, v))) / 0.2f);
            return skin + (thick * (0.22f + (gland * (0.2f + (0.14f * Tissue.At(u, v))))));
        }
    }
}
