using Medix.Imaging;
using Medix.Training.Modules;
using Medix.Weights;

namespace Medix.Training.Qwen3VL;

/// <summary>
/// The learned position table, a square of rows, stretched over each image with its corners aligned: every patch takes four rows, bilinearly weighted.
/// </summary>
internal static class PositionGrid
{
    public static RowMix Interpolate(IReadOnlyList<ImageGrid> grids, VisionConfig config)
    {
        int side = (int)Math.Round(Math.Sqrt(config.PositionEmbeddings));
        List<int> rows = [];
        List<float> weights = [];
        foreach (PatchPlace place in PatchPlace.Of(grids, config.SpatialMergeSize))
        {
            (int top, int bottom, float down) = Between(place.Row, place.Grid.H, side);
            (int left, int right, float across) = Between(place.Column, place.Grid.W, side);
            rows.AddRange([(top * side) + left, (top * side) + right, (bottom * side) + left, (bottom * side) + right]);
            weights.AddRange([(1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across]);
        }

        return new([.. rows], [.. weights], 4);
    }

    private static (int Low, int High, float Part) Between(int index, int count, int side)
    {
        float position = count == 1 ? 0 : index * ((side - 1) / (float)(count - 1));
        int low = Math.Min((int)position, side - 1);
        return (low, Math.Min(low + 1, side - 1), position - low);
    }
}
