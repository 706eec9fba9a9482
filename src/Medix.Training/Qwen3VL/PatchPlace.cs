using Medix.Imaging;

namespace Medix.Training.Qwen3VL;

/// <summary>A patch's place in its image, in patches; <paramref name="Grid"/> is that image's grid.</summary>
internal readonly record struct PatchPlace(int Row, int Column, ImageGrid Grid)
{
    /// <summary>
    /// The places of all patches in the model's order: frame by frame, and within a frame by blocks of merge × merge patches, so that the patches of one
    /// merged token follow each other.
    /// </summary>
    public static IEnumerable<PatchPlace> Of(IReadOnlyList<ImageGrid> grids, int merge)
    {
        foreach (ImageGrid grid in grids)
        {
            for (int i = 0; i < grid.Patches; i++)
            {
                int inFrame = i % (grid.H * grid.W);
                int block = inFrame / (merge * merge), inBlock = inFrame % (merge * merge);
                int blocksAcross = grid.W / merge;
                yield return new(((block / blocksAcross) * merge) + (inBlock / merge), ((block % blocksAcross) * merge) + (inBlock % merge), grid);
            }
        }
    }
}
