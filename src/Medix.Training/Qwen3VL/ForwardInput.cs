using Medix.Imaging;

namespace Medix.Training.Qwen3VL;

/// <summary>
/// A padded batch for the plain forward pass, row-major: <paramref name="Tokens"/> and <paramref name="Mask"/> (1 = real) are [rows, length],
/// <paramref name="Positions"/> [3, rows, length] (time, row, column), <paramref name="Patches"/> [N, patch length] of all images in order.
/// </summary>
public sealed record ForwardInput(int Rows, int Length, int[] Tokens, int[] Mask, int[] Positions, float[] Patches, IReadOnlyList<ImageGrid> Grids);
