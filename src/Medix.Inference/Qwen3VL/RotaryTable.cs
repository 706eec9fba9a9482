using Medix.Inference.Kernels;
using Medix.Weights;

namespace Medix.Inference.Qwen3VL;

/// <summary>
/// Cosines [d/2] and sines [d/2] of the text rotary angles (RoPE, arXiv 2104.09864) for every position so far, and the mixture of three positions that image
/// tokens take (interleaved M-RoPE). Grown between passes, only read within one.
/// </summary>
internal sealed unsafe class RotaryTable : IDisposable
{
    private readonly float[] frequencies;
    private readonly int[] axes;
    private AlignedMemory table = new(0);
    private int positions;

    public RotaryTable(TextConfig text)
    {
        HeadDim = text.HeadDim;
        frequencies = Frequencies(text.RopeTheta, text.HeadDim / 2);
        axes = Axes(text.MropeSection, text.HeadDim / 2);
    }

    public int HeadDim { get; }

    /// <summary>base^(-j/n) for j in [0, n), in single precision.</summary>
    public static float[] Frequencies(double theta, int n) => [.. Enumerable.Range(0, n).Select(j => (float)Math.Pow(theta, -(double)j / n))];

    /// <summary>Makes rows for the positions [0, <paramref name="count"/>). Earlier row pointers are lost.</summary>
    public void Require(int count)
    {
        if (count <= positions)
        {
            return;
        }

        count = Math.Max(count, Math.Max(256, positions * 2));
        AlignedMemory grown = AlignedMemory.OfFloats((long)count * HeadDim);
        for (int position = 0; position < count; position++)
        {
            Fill(grown.Floats + ((long)position * HeadDim), position);
        }

        table.Dispose();
        table = grown;
        positions = count;
    }

    /// <summary>The row of a position that is the same on all axes.</summary>
    public float* Row(int position) => table.Floats + ((long)position * HeadDim);

    /// <summary>Writes the row of a token at time <paramref name="t"/>, row <paramref name="h"/>, column <paramref name="w"/>.</summary>
    public void Mix(int t, int h, int w, float* target)
    {
        int half = HeadDim / 2;
        ReadOnlySpan<int> position = [t, h, w];
        for (int j = 0; j < half; j++)
        {
            float* row = Row(position[axes[j]]);
            target[j] = row[j];
            target[half + j] = row[half + j];
        }
    }

    public void Dispose() => table.Dispose();

    private void Fill(float* row, int position)
    {
        for (int j = 0; j < frequencies.Length; j++)
        {
            float angle = position * frequencies[j];
            row[j] = MathF.Cos(angle);
            row[frequencies.Length + j] = MathF.Sin(angle);
        }
    }

    /// <summary>The axis of each pair: time everywhere, but row at 1, 4, 7, … and column at 2, 5, 8, … as often as their sections say.</summary>
    private static int[] Axes(IReadOnlyList<int>? sections, int pairs)
    {
        int[] axes = new int[pairs];
        for (int axis = 1; sections is not null && axis < 3; axis++)
        {
            for (int i = 0; i < sections[axis] && axis + (3 * i) < pairs; i++)
            {
                axes[axis + (3 * i)] = axis;
            }
        }

        return axes;
    }
}
