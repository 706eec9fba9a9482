namespace Medix.Data.Phantoms;

/// <summary>A light-microscopy picture of stained tissue: pink stroma, cells with violet nuclei.</summary>
internal sealed class TissueSection : PhantomPainter
{
    private static readonly Ink Nucleus = new(0.42f, 0.26f, 0.62f), Cell = new(0.9f, 0.62f, 0.78f);

    private static readonly Site[] Places =
    [
        new("upper left part", Side.Left, 0.26f, 0.26f, 0.04f, 0.04f), new("upper right part", Side.Right, 0.74f, 0.26f, 0.04f, 0.04f),
        new("centre", Side.None, 0.5f, 0.5f), new("lower left part", Side.Left, 0.26f, 0.74f, 0.04f, 0.04f),
        new("lower right part", Side.Right, 0.74f, 0.74f, 0.04f, 0.04f),
    ];

    public override PhantomSpec Spec { get; } = new("MICROSCOPY", "tissue section", "regular cells", "in the tissue", SideRule.Image,
    [
        new("abnormal nucleus", "abnormal nuclei", Places, [0.044f, 0.07f, 0.11f], -1, 1.15f),
        new("gland", "glands", Places, [0.1f], 1),
        new("necrosis", null, Places, [0.14f], 0, 1.2f) { Bare = true },
    ]);

    public override bool Colour => true;

    public override void Paint(PhantomScene scene)
    {
        Canvas canvas = scene.Canvas;
        NoiseField stroma = new(scene.Anatomy, 8), fibre = new(scene.Anatomy, 22);
        canvas.Clear(new Ink(0.94f, 0.76f, 0.86f));
        canvas.Modulate(stroma, 0.05f);
        canvas.Modulate(fibre, 0.05f);
        Cells(scene);
        foreach (Mark mark in scene.Marks)
        {
            switch (mark.Type.Name)
            {
                case "gland":
                    Gland(canvas, mark, fibre);
                    break;
                case "necrosis":
                    canvas.Fill(new Wobbly<Ellipse>(mark.Shape(), fibre, 0.04f), new Ink(0.97f, 0.55f, 0.62f), 0.015f);
                    break;
                default:
                    canvas.Fill(new Wobbly<Ellipse>(mark.Shape(1.45f), fibre, 0.01f), new Ink(0.98f, 0.86f, 0.93f));
                    canvas.Fill(new Wobbly<Ellipse>(mark.Shape(), fibre, 0.012f), new Ink(0.2f, 0.06f, 0.34f));
                    canvas.Fill(mark.Shape(0.3f), new Ink(0.42f, 0.1f, 0.4f));
                    break;
            }
        }

        canvas.Grain(scene.Noise, 0.012f);
    }

    private static void Cells(PhantomScene scene)
    {
        const int Across = 9;
        for (int i = 0; i < Across * Across; i++)
        {
            float x = ((i % Across) + 0.5f + scene.Anatomy.Next(-0.32f, 0.32f)) / Across;
            float y = ((i / Across) + 0.5f + scene.Anatomy.Next(-0.32f, 0.32f)) / Across;
            float radius = scene.Anatomy.Next(0.014f, 0.021f), turn = scene.Anatomy.Next(0f, 0.5f), stain = scene.Anatomy.Next(0.85f, 1.15f);
            if (scene.Marks.Any(mark => mark.Covers(x, y, mark.Type.Name == "abnormal nucleus" ? 1.4f : 1.1f, 0.025f)))
            {
                continue;
            }

            scene.Canvas.Fill(new Ellipse(x, y, radius * 2.2f, radius * 2f, turn), Cell, 0.012f, 0.6f);
            scene.Canvas.Fill(new Ellipse(x, y, radius * 1.2f, radius, turn), Nucleus * stain, 0.006f);
        }
    }

    private static void Gland(Canvas canvas, Mark mark, NoiseField fibre)
    {
        canvas.Fill(new Wobbly<Ellipse>(mark.Shape(1.15f), fibre, 0.01f), new Ink(0.85f, 0.52f, 0.74f));
        canvas.Fill(new Wobbly<Ellipse>(mark.Shape(0.68f), fibre, 0.012f), new Ink(0.99f, 0.97f, 0.98f));
        const int Around = 13;
        for (int i = 0; i < Around; i++)
        {
            float turns = i / (float)Around;
            float x = mark.X + (mark.RadiusX * 0.95f * PhantomMaths.Wave(turns + 0.25f)), y = mark.Y + (mark.RadiusY * 0.95f * PhantomMaths.Wave(turns));
            canvas.Fill(new Ellipse(x, y, 0.019f, 0.013f, turns), Nucleus * 0.85f);
        }
    }
}
