using Medix.Imaging;
using Medix.Weights;

namespace Medix.Text;

/// <summary>
/// The position of every token of one unpadded sequence on the three rotary axes: time, row, column, each [P].
/// <paramref name="Delta"/> is at most 0: the position of the next generated token, on all axes, is the number of tokens so far plus it.
/// </summary>
public sealed record RopeIndex(int[] T, int[] H, int[] W, int Delta);

/// <summary>
/// Three-dimensional positions for interleaved M-RoPE (Qwen2-VL, arXiv 2409.12191, in the form of Qwen3-VL): text advances all axes
/// together; the tokens of an image share one time position and spread over rows and columns, and the text after it goes on behind the longer side.
/// </summary>
public static class RopePositions
{
    /// <summary>
    /// Positions of one sequence without padding. Every image placeholder run takes the next grid; a video frame is a grid of its own (t = 1).
    /// Without a vision tower all tokens count as text.
    /// </summary>
    /// <exception cref="ArgumentException">The placeholders do not match the grids in number or length, or a grid cannot be merged.</exception>
    public static RopeIndex Compute(ReadOnlySpan<int> tokens, IReadOnlyList<ImageGrid> grids, Qwen3VLConfig config)
    {
        ArgumentNullException.ThrowIfNull(grids);
        ArgumentNullException.ThrowIfNull(config);
        RopeIndex index = new(new int[tokens.Length], new int[tokens.Length], new int[tokens.Length], 0);
        int position = 0, image = 0;
        for (int i = 0; i < tokens.Length;)
        {
            if (!IsVisual(tokens[i], config))
            {
                index.T[i] = index.H[i] = index.W[i] = position++;
                i++;
                continue;
            }

            if (image == grids.Count)
            {
                throw new ArgumentException($"Token {i} is a placeholder of image {image + 1}, but there are {grids.Count} image grids.", nameof(grids));
            }

            (int rows, int columns) = MergedSize(grids[image++], config.Vision!.SpatialMergeSize);
            CheckRun(tokens, i, rows * columns, image);
            Place(index, i, rows, columns, position);
            position += Math.Max(rows, columns);
            i += rows * columns;
        }

        return image == grids.Count
            ? index with { Delta = position - tokens.Length }
            : throw new ArgumentException($"The tokens have placeholders for {image} images, but there are {grids.Count} image grids.", nameof(grids));
    }

    private static bool IsVisual(int token, Qwen3VLConfig config) =>
        config.Vision is not null && (token == config.ImageTokenId || token == config.VideoTokenId);

    private static (int Rows, int Columns) MergedSize(ImageGrid grid, int merge)
    {
        bool whole = grid.T == 1 && grid.H > 0 && grid.W > 0 && grid.H % merge == 0 && grid.W % merge == 0;
        return whole
            ? (grid.H / merge, grid.W / merge)
            : throw new ArgumentException(
                $"An image grid is ({grid.T}, {grid.H}, {grid.W}); expected t = 1 and sides that are multiples of {merge}.", nameof(grid));
    }

    private static void CheckRun(ReadOnlySpan<int> tokens, int start, int length, int image)
    {
        ReadOnlySpan<int> rest = tokens[start..];
        if (rest.Length < length || rest[..length].ContainsAnyExcept(rest[0]))
        {
            throw new ArgumentException(
                $"Image {image} starts at token {start} and needs {length} placeholders in a row, but the run is shorter.", nameof(tokens));
        }
    }

    private static void Place(RopeIndex index, int start, int rows, int columns, int position)
    {
        for (int row = 0, i = start; row < rows; row++)
        {
            for (int column = 0; column < columns; column++, i++)
            {
                index.T[i] = position;
                index.H[i] = position + row;
                index.W[i] = position + column;
            }
        }
    }
}
