namespace Medix.Data.Phantoms;

/// <summary>A short-axis myocardial perfusion SPECT slice: a blurred ring of few counts in the "hot" colours. The left of the picture is the septum.</summary>
internal sealed class CardiacSpect : PhantomPainter
{
    private const float Ring = 0.225f;

    private static readonly Site[] Walls =
    [
        new("anterior wall", Side.None, 0.5f, 0.5f - Ring, 0.01f, 0f), new("lateral wall", Side.Right, 0.5f + Ring, 0.5f, 0f, 0.01f),
        new("inferior wall", Side.None, 0.5f, 0.5f + Ring, 0.01f, 0f), new("septal wall", Side.Left, 0.5f - Ring, 0.5f, 0f, 0.01f),
    ];

    private static readonly Site[] Corners =
    [
        new("upper left part", Side.Left, 0.15f, 0.16f), new("upper right part", Side.Right, 0.85f, 0.16f),
        new("lower left part", Side.Left, 0.15f, 0.84f), new("lower right part", Side.Right, 0.85f, 0.84f),
    ];

    public override PhantomSpec Spec { get; } = new("SPECT", "heart SPECT slice", "even perfusion", "in the slice", SideRule.Image,
    [
        new("perfusion defect", "perfusion defects", Walls, [0.062f, 0.1f, 0.16f], -1),
        new("hot spot", "hot spots", Corners, [0.09f], 1),
    ]);

    public override Palette Palette => Palette.Hot;

    public override void Paint(PhantomScene scene)
    {
        Canvas canvas = scene.Canvas;
        NoiseField patchy = new(scene.Anatomy, 6);
        canvas.Clear(0.07f);
        canvas.Fill(new Ring(0.5f, 0.5f, Ring, 0.062f), 0.92f, 0.02f);
        canvas.Modulate(patchy, 0.1f);
        foreach (Mark mark in scene.Of("perfusion defect"))
        {
            canvas.Fill(mark.Shape(), 0.1f, 0.015f);
        }

        foreach (Mark mark in scene.Of("hot spot"))
        {
            canvas.Fill(mark.Shape(0.95f), 0.9f, 0.02f);
        }

        canvas.Count(scene.Noise, 9f);
        canvas.Blur(0.016f * canvas.Size, 2);
    }
}
