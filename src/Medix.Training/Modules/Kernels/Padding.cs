namespace Medix.Training.Modules.Kernels;

/// <summary>Sizes that the kernels' inner loops take whole.</summary>
internal static class Padding
{
    /// <summary>Numbers in a vector; on machines with shorter vectors .NET splits them.</summary>
    public const int Lanes = 16;

    /// <summary>The next multiple of <see cref="Lanes"/>.</summary>
    public static int ToLanes(int count) => (count + Lanes - 1) / Lanes * Lanes;

    /// <summary>The next multiple of a tile's rows.</summary>
    public static int ToTileRows(int rows) => (rows + TileProduct.Rows - 1) / TileProduct.Rows * TileProduct.Rows;
}
