namespace Medix.Data.Phantoms;

/// <summary>A graphic: one lead of an electrocardiogram, six beats on red grid paper, with its calibration pulse.</summary>
internal sealed class EcgTrace : PhantomPainter
{
    private const int Slots = 6;
    private const float Baseline = 0.58f, LineWidth = 0.009f, SlotWidth = 0.142f, FirstSlot = 0.1f;

    private static readonly Site[] Beats =
    [
        .. Enumerable.Range(0, Slots).Select(slot => new Site(
            slot < 2 ? "start" : slot < 4 ? "middle" : "end", slot < 2 ? Side.Left : slot < 4 ? Side.None : Side.Right,
            FirstSlot + (SlotWidth * (slot + 0.5f)), Baseline, 0f, 0f)),
    ];

    public override PhantomSpec Spec { get; } = new("GRAPHICS", "ECG trace", "regular beats", "in the trace", SideRule.Image,
    [
        new("wide beat", "wide beats", Beats, [0.08f, 0.13f, 0.21f], 0, 0.35f),
        new("missing beat", "missing beats", Beats, [0.09f], 0, 0.4f),
    ])
    {
        Preposition = "at the",
    };

    public override bool Colour => true;

    public override void Paint(PhantomScene scene)
    {
        Canvas canvas = scene.Canvas;
        Paper(canvas);
        float height = scene.Anatomy.Next(0.15f, 0.19f);
        Ink ink = new(0.05f, 0.05f, 0.12f);
        const float Pulse = Baseline - 0.2f;
        canvas.Fill(
            new Stroke([0f, 0.02f, 0.02f, 0.06f, 0.06f, FirstSlot], [Baseline, Baseline, Pulse, Pulse, Baseline, Baseline], LineWidth, LineWidth), ink);
        for (int slot = 0; slot < Slots; slot++)
        {
            float x = FirstSlot + (SlotWidth * slot);
            Mark? mark = scene.Marks.FirstOrDefault(candidate => candidate.Site == Beats[slot]);
            canvas.Fill(Beat(x, height, mark), ink);
        }

        canvas.Grain(scene.Noise, 0.012f);
        canvas.Letter('I', 0.05f, 0.07f, 0.014f, ink);
        canvas.Letter('I', 0.1f, 0.07f, 0.014f, ink);
    }

    private static Stroke Beat(float x, float height, Mark? mark)
    {
        float[] along, up;
        switch (mark?.Type.Name)
        {
            case null:
                along = [0f, 0.12f, 0.2f, 0.28f, 0.38f, 0.42f, 0.47f, 0.52f, 0.56f, 0.66f, 0.76f, 0.86f, 1f];
                up = [0f, 0f, 0.14f, 0f, 0f, -0.12f, 1f, -0.25f, 0f, 0.02f, 0.25f, 0f, 0f];
                break;
            case "missing beat":
                (along, up) = ([0f, 1f], [0f, 0f]);
                break;
            default:
                height = mark.RadiusY;
                along = [0f, 0.08f, 0.24f, 0.4f, 0.48f, 0.62f, 0.72f, 0.82f, 0.9f, 1f];
                up = [0f, 0f, 0.85f, 1f, 0.6f, -0.55f, -0.6f, -0.2f, 0f, 0f];
                break;
        }

        return new Stroke([.. along.Select(a => x + (a * SlotWidth))], [.. up.Select(h => Baseline - (h * height))], LineWidth, LineWidth);
    }

    private static void Paper(Canvas canvas)
    {
        canvas.Clear(new Ink(1f, 0.95f, 0.94f));
        for (int i = -2; i <= 42; i++)
        {
            float at = i * 0.025f;
            bool major = i % 5 == 0;
            Ink line = major ? new Ink(0.93f, 0.55f, 0.55f) : new Ink(0.98f, 0.82f, 0.82f);
            canvas.Fill(new Plate(at, 0.5f, 0.002f, 2f), line, 0f, major ? 1f : 0.6f);
            canvas.Fill(new Plate(0.5f, at, 2f, 0.002f), line, 0f, major ? 1f : 0.6f);
        }
    }
}
