using Medix.Imaging;
using Medix.Weights;
using static TorchSharp.torch;

namespace Medix.Training.Qwen3VL;

/// <summary>Cosines and sines of the rotary angles, each [rows, headDim / 2]: pair (j, j + headDim/2) of a row turns by angle j.</summary>
internal sealed record RotaryTables(Tensor Cos, Tensor Sin)
{
    private const double VisionTheta = 10_000;

    /// <summary>Cosines, then sines.</summary>
    public IReadOnlyList<Tensor> Both => [Cos, Sin];

    /// <summary>The tables of <see cref="Both"/>.</summary>
    public static RotaryTables Of(IReadOnlyList<Tensor> both) => new(both[0], both[1]);

    /// <summary>
    /// Interleaved M-RoPE: angle j follows rows for j = 1, 4, 7, …, columns for j = 2, 5, 8, … (each up to three times its section), time elsewhere.
    /// </summary>
    public static RotaryTables ForText(ReadOnlySpan<int> time, ReadOnlySpan<int> row, ReadOnlySpan<int> column, TextConfig config, Device device)
    {
        int pairs = config.HeadDim / 2;
        float[] frequencies = Frequencies(config.RopeTheta, pairs);
        int[] axis = Axes(config.MropeSection, pairs);
        float[] angles = new float[time.Length * pairs];
        for (int i = 0; i < time.Length; i++)
        {
            for (int j = 0; j < pairs; j++)
            {
                int position = axis[j] switch { 0 => time[i], 1 => row[i], _ => column[i] };
                angles[(i * pairs) + j] = position * frequencies[j];
            }
        }

        return Of(angles, pairs, device);
    }

    /// <summary>The vision tower's angles: the first half of the pairs turns by the patch's row, the second by its column.</summary>
    public static RotaryTables ForVision(IReadOnlyList<ImageGrid> grids, VisionConfig config, Device device)
    {
        int pairs = config.Hidden / config.Heads / 2;
        float[] frequencies = Frequencies(VisionTheta, pairs / 2);
        List<float> angles = [];
        foreach (PatchPlace place in PatchPlace.Of(grids, config.SpatialMergeSize))
        {
            angles.AddRange(frequencies.Select(frequency => place.Row * frequency));
            angles.AddRange(frequencies.Select(frequency => place.Column * frequency));
        }

        return Of([.. angles], pairs, device);
    }

    private static RotaryTables Of(float[] angles, int pairs, Device device)
    {
        long rows = angles.Length / pairs;
        Tensor cos = tensor(Array.ConvertAll(angles, MathF.Cos), [rows, pairs]).to(device);
        Tensor sin = tensor(Array.ConvertAll(angles, MathF.Sin), [rows, pairs]).to(device);
        return new(cos, sin);
    }

    private static float[] Frequencies(double theta, int count) =>
        [.. Enumerable.Range(0, count).Select(j => (float)Math.Pow(theta, -(double)j / count))];

    private static int[] Axes(IReadOnlyList<int>? section, int pairs)
    {
        int[] axis = new int[pairs];
        for (int a = 1; section is not null && a < section.Count; a++)
        {
            for (int j = a; j < section[a] * 3; j += 3)
            {
                axis[j] = a;
            }
        }

        return axis;
    }
}
