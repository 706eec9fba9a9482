using static Medix.Data.Phantoms.PhantomMaths;

namespace Medix.Data.Phantoms;

/// <summary>A clinical photograph of a forearm on a surgical drape, with a paper ruler: skin of several tones, pores, hairs.</summary>
internal sealed class SkinPhotograph : PhantomPainter
{
    private static readonly Site[] Places =
    [
        new("upper left part", Side.Left, 0.32f, 0.22f), new("upper right part", Side.Right, 0.68f, 0.22f), new("centre", Side.None, 0.5f, 0.46f),
        new("lower left part", Side.Left, 0.32f, 0.7f), new("lower right part", Side.Right, 0.68f, 0.7f),
    ];

    public override PhantomSpec Spec { get; } = new("CLINICAL_PHOTOGRAPHY", "skin photograph", "clear skin", "on the skin", SideRule.Image,
    [
        new("mole", "moles", Places, [0.044f, 0.07f, 0.11f], -1),
        new("ulcer", "ulcers", Places, [0.09f], 0, 1.15f),
        new("rash", null, Places, [0.12f], -1, 1.2f),
    ]);

    public override bool Colour => true;

    public override void Paint(PhantomScene scene)
    {
        Canvas canvas = scene.Canvas;
        NoiseField blotch = new(scene.Anatomy, 5), pores = new(scene.Anatomy, 40), wobble = new(scene.Anatomy, 14);
        Ink skin = Ink.Mix(new Ink(0.97f, 0.8f, 0.7f), new Ink(0.72f, 0.5f, 0.36f), scene.Anatomy.Next(0f, 1f));
        canvas.Shade(new Arm(skin, wobble));
        canvas.Modulate(blotch, 0.05f);
        canvas.Modulate(pores, 0.04f);
        for (int i = 0; i < 16; i++)
        {
            float x = scene.Anatomy.Next(0.2f, 0.8f), y = scene.Anatomy.Next(0.02f, 0.8f);
            canvas.Fill(Stroke.Curve(x, y, x + 0.015f, y + 0.03f, x + 0.035f, y + 0.05f, 0.003f, 0.001f), skin * 0.45f, 0f, 0.5f);
        }

        foreach (Mark mark in scene.Marks)
        {
            Finding(canvas, mark, skin, wobble);
        }

        Ruler(canvas);
        canvas.Grain(scene.Noise, 0.01f);
    }

    private static void Finding(Canvas canvas, Mark mark, Ink skin, NoiseField wobble)
    {
        switch (mark.Type.Name)
        {
            case "mole":
                canvas.Fill(new Wobbly<Ellipse>(mark.Shape(), wobble, 0.014f), new Ink(0.22f, 0.11f, 0.07f), 0.01f);
                canvas.Glow(mark.X, mark.Y, mark.RadiusX * 0.6f, mark.RadiusY * 0.6f, new Ink(-0.1f, -0.06f, -0.04f));
                break;
            case "ulcer":
                canvas.Fill(new Wobbly<Ellipse>(mark.Shape(1.1f), wobble, 0.016f), new Ink(0.6f, 0.09f, 0.1f), 0.015f);
                canvas.Fill(new Wobbly<Ellipse>(mark.Shape(0.68f), wobble, 0.016f), new Ink(0.93f, 0.84f, 0.45f), 0.012f);
                break;
            default:
                Ink red = new(skin.R * 0.98f, skin.G * 0.42f, skin.B * 0.45f);
                canvas.Fill(new Wobbly<Ellipse>(mark.Shape(), wobble, 0.045f), red, 0.03f, 0.9f);
                break;
        }
    }

    private static void Ruler(Canvas canvas)
    {
        canvas.Fill(new Plate(0.5f, 0.93f, 0.4f, 0.045f), new Ink(0.97f, 0.97f, 0.93f));
        for (int i = 0; i <= 16; i++)
        {
            float height = i % 2 == 0 ? 0.024f : 0.014f;
            canvas.Fill(new Plate(0.14f + (0.045f * i), 0.887f + height, 0.004f, height), new Ink(0.1f, 0.1f, 0.12f));
        }
    }

    private readonly record struct Arm(Ink Skin, NoiseField Edge) : IShader
    {
        private static readonly Ink Drape = new(0.16f, 0.42f, 0.5f);

        public Ink Shade(float u, float v)
        {
            float across = (u - 0.5f + (0.02f * Edge.At(0.5f, v))) / (0.405f + (0.03f * v));
            float inside = 1f - MathF.Abs(across);
            float fold = 1f + (0.15f * Edge.At(u, v));
            float light = 1.03f - (0.42f * across * across * across * across) - (0.08f * across);
            return Ink.Mix(Drape * fold, Skin * light, Smooth((inside / 0.03f) + 0.5f));
        }
    }
}
