using Medix.Imaging;
using Medix.Inference.Kernels;
using Medix.Weights;

namespace Medix.Inference.Qwen3VL;

/// <summary>Where patches lie. Patches come in merge order: the squares that become one token row by row, and within a square its patches row by row.</summary>
internal sealed unsafe class VisionPositions(VisionConfig vision)
{
    private readonly int side = (int)Math.Round(Math.Sqrt(vision.PositionEmbeddings));
    private readonly float[] frequencies = RotaryTable.Frequencies(10000, vision.Hidden / vision.Heads / 4);

    /// <summary>Row and column of a frame's patch by its place in merge order.</summary>
    public (int Row, int Column) Place(ImageGrid grid, int patch)
    {
        int merge = vision.SpatialMergeSize, squares = grid.W / merge;
        (int square, int inside) = Math.DivRem(patch, merge * merge);
        return ((square / squares * merge) + (inside / merge), (square % squares * merge) + (inside % merge));
    }

    /// <summary>Adds the learned position of a patch: the table stretched over the grid, corner on corner, read bilinearly.</summary>
    public void AddLearned(ImageGrid grid, int patch, float* table, float* hidden)
    {
        (int row, int column) = Place(grid, patch);
        (int top, int bottom, float down) = Stretch(row, grid.H);
        (int left, int right, float across) = Stretch(column, grid.W);
        float* a = table + ((long)((top * side) + left) * vision.Hidden), b = table + ((long)((top * side) + right) * vision.Hidden);
        float* c = table + ((long)((bottom * side) + left) * vision.Hidden), d = table + ((long)((bottom * side) + right) * vision.Hidden);
        float wa = (1 - down) * (1 - across), wb = (1 - down) * across, wc = down * (1 - across), wd = down * across;
        for (int i = 0; i < vision.Hidden; i++)
        {
            hidden[i] += (a[i] * wa) + (b[i] * wb) + (c[i] * wc) + (d[i] * wd);
        }
    }

    /// <summary>Writes a patch's rotary row: the first half of the pairs turns by the row, the second by the column.</summary>
    public void Angles(ImageGrid grid, int patch, float* target)
    {
        (int row, int column) = Place(grid, patch);
        int n = frequencies.Length;
        for (int j = 0; j < 2 * n; j++)
        {
            float angle = (j < n ? row : column) * frequencies[j % n];
            target[j] = MathF.Cos(angle);
            target[(2 * n) + j] = MathF.Sin(angle);
        }
    }

    private (int Low, int High, float Part) Stretch(int index, int length)
    {
        float at = length == 1 ? 0 : index * ((side - 1f) / (length - 1));
        int low = Math.Min((int)at, side - 1);
        return (low, Math.Min(low + 1, side - 1), at - low);
    }
}
