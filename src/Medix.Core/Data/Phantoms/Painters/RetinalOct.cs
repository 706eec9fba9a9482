using static Medix.Data.Phantoms.PhantomMaths;

namespace Medix.Data.Phantoms;

/// <summary>
/// An optical coherence tomography section through the fovea: dark vitreous, layered retina with its pit, bright pigment epithelium, fading choroid.
/// </summary>
internal sealed class RetinalOct : PhantomPainter
{
    private static readonly Site[] Inner =
    [
        new("left of the fovea", Side.Left, 0.16f, 0.485f, 0.02f, 0.01f, 0.08f), new("left of the fovea", Side.Left, 0.33f, 0.5f, 0.01f, 0.01f, 0.06f),
        new("at the fovea", Side.None, 0.5f, 0.54f, 0.01f, 0f, 0.06f),
        new("right of the fovea", Side.Right, 0.67f, 0.5f, 0.01f, 0.01f, 0.06f), new("right of the fovea", Side.Right, 0.84f, 0.485f, 0.02f, 0.01f, 0.08f),
    ];

    private static readonly Site[] Outer =
    [
        new("left of the fovea", Side.Left, 0.22f, 0.635f, 0.03f, 0f), new("at the fovea", Side.None, 0.5f, 0.635f, 0.01f, 0f),
        new("right of the fovea", Side.Right, 0.78f, 0.635f, 0.03f, 0f),
    ];

    public override PhantomSpec Spec { get; } = new("OCT_SCAN", "OCT scan", "regular layers", "in the retina", SideRule.Image,
    [
        new("cyst", "cysts", Inner, [0.037f, 0.055f, 0.08f], -1, 1.15f),
        new("drusen", null, Outer, [0.07f], 0, 1.6f) { Bare = true },
        new("subretinal fluid", null, Outer, [0.08f], -1, 3f) { Bare = true },
    ])
    {
        Preposition = "lying",
    };

    public override void Paint(PhantomScene scene)
    {
        Canvas canvas = scene.Canvas;
        NoiseField wave = new(scene.Anatomy, 4), texture = new(scene.Anatomy, 26);
        canvas.Shade(new Layers(wave, texture, scene.Anatomy.Next(-0.12f, 0.12f), [.. scene.Of("subretinal fluid"), .. scene.Of("drusen")]));
        foreach (Mark mark in scene.Of("cyst"))
        {
            canvas.Fill(mark.Shape(), 0.02f, 0.008f);
        }

        canvas.Speckle(scene.Noise, 0.55f);
        canvas.Grain(scene.Noise, 0.02f);
    }

    private readonly record struct Layers(NoiseField Wave, NoiseField Texture, float Tilt, Mark[] Lifts) : IShader
    {
        private const float Floor = 0.64f;

        public Ink Shade(float u, float v)
        {
            float x = u - 0.5f;
            v -= (Tilt * x * x) + (0.008f * Wave.At(u, 0.5f));
            float pit = Bell(x * x / 0.03f), lift = 0f;
            bool fluid = false;
            foreach (Mark mark in Lifts)
            {
                float dx = x + 0.5f - mark.X;
                lift += 1.25f * mark.RadiusY * Bell(dx * dx / (2.2f * mark.RadiusX * mark.RadiusX));
                fluid = mark.Type.Name == "subretinal fluid";
            }

            float pigment = fluid ? Floor : Floor - lift;
            if (v > pigment - 0.016f)
            {
                return Deep(u, v, pigment, fluid ? 0f : lift);
            }

            float bottom = Floor - 0.016f - lift;
            return v > bottom ? (fluid ? 0.03f : 0.35f) : Retina(v, bottom, 0.375f + (0.13f * pit) - (0.8f * lift), pit, u);
        }

        private float Deep(float u, float v, float pigment, float lift)
        {
            if (v < pigment + 0.018f)
            {
                return 1.05f;
            }

            // Drusen: material under a raised pigment epithelium.
            return v < pigment + lift
                ? 0.75f
                : (0.6f + (0.25f * Texture.At(u, v))) * Bell((v - Floor) * (v - Floor) / 0.11f);
        }

        private float Retina(float v, float bottom, float surface, float pit, float u)
        {
            float depth = (v - surface) / (bottom - surface);
            if (depth < 0f)
            {
                return 0.03f;
            }

            float shade = 0.06f * Texture.At(u, v);
            return shade + (depth * (1f + (0.9f * pit))) switch
            {
                < 0.16f => 0.85f - (0.35f * pit),
                < 0.36f => 0.52f,
                < 0.5f => 0.3f,
                < 0.6f => 0.55f,
                _ => depth < 0.83f ? 0.22f : depth < 0.91f ? 0.82f : 0.4f,
            };
        }
    }
}
