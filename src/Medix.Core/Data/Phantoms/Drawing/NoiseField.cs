using Medix.Runs;

namespace Medix.Data.Phantoms;

/// <summary>Smooth noise in [−1, 1] over the unit square: uniform values on a square lattice, blended between its points.</summary>
internal sealed class NoiseField
{
    private readonly int cells;
    private readonly float[] lattice;

    /// <summary>Draws a field of <paramref name="cells"/>×<paramref name="cells"/> lattice cells.</summary>
    public NoiseField(SeededRandom random, int cells)
    {
        this.cells = cells;
        lattice = new float[(cells + 1) * (cells + 1)];
        for (int i = 0; i < lattice.Length; i++)
        {
            lattice[i] = random.Next(-1f, 1f);
        }
    }

    /// <summary>The value at a point; outside the unit square, that of the nearest point within.</summary>
    public float At(float u, float v)
    {
        float x = MathF.Min(MathF.Max(u, 0f), 0.9999f) * cells;
        float y = MathF.Min(MathF.Max(v, 0f), 0.9999f) * cells;
        int column = (int)x, row = (int)y;
        (x, y) = (x - column, y - row);
        (x, y) = (x * x * (3f - (2f * x)), y * y * (3f - (2f * y)));
        int corner = (row * (cells + 1)) + column;
        float above = PhantomMaths.Mix(lattice[corner], lattice[corner + 1], x);
        float below = PhantomMaths.Mix(lattice[corner + cells + 1], lattice[corner + cells + 2], x);
        return PhantomMaths.Mix(above, below, y);
    }
}
