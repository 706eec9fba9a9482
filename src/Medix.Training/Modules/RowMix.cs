namespace Medix.Training.Modules;

/// <summary>
/// Rows to take from a table: row i of the result is Σₖ Weights[i·Width + k] · table[Rows[i·Width + k]]. A lookup has width 1 and no weights (all 1).
/// </summary>
internal sealed record RowMix(int[] Rows, float[]? Weights, int Width)
{
    /// <summary>Rows of the result.</summary>
    public int Count => Rows.Length / Width;

    /// <summary>A plain lookup.</summary>
    public static RowMix Lookup(int[] rows) => new(rows, null, 1);
}
