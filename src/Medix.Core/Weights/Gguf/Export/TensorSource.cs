using Medix.Runs;

namespace Medix.Weights.Gguf.Export;

/// <summary>Gives a GGUF tensor's values, from value number <paramref name="start"/> on, row-major.</summary>
internal delegate void ValueReader(long start, Span<float> values);

/// <summary>How the values of GGUF tensors come from a checkpoint's. Readers are for one thread: some keep what they turned round.</summary>
internal static class TensorSource
{
    /// <summary>The values as they are.</summary>
    public static ValueReader Whole(Checkpoint model, string name) => (start, values) => model.ReadFloat32(name, start, values);

    /// <summary>Every <paramref name="count"/>th run of <paramref name="run"/> values, from run number <paramref name="first"/> on.</summary>
    public static ValueReader Runs(Checkpoint model, string name, long run, int first, int count) => (start, values) =>
    {
        while (values.Length > 0)
        {
            long turn = start / run, within = start % run;
            int take = (int)Math.Min(run - within, values.Length);
            model.ReadFloat32(name, (((turn * count) + first) * run) + within, values[..take]);
            start += take;
            values = values[take..];
        }
    };

    /// <summary>
    /// Columns [<paramref name="first"/>, <paramref name="first"/> + <paramref name="count"/>) of a stack of matrices [rows, columns], each turned round to [count, rows].
    /// </summary>
    public static ValueReader Turned(Checkpoint model, string name, long rows, long columns, long first, long count)
    {
        if (rows * columns > Array.MaxLength)
        {
            throw new MedixException($"{model.Folder}: the matrices of '{name}' are {rows} by {columns}, more than {Array.MaxLength} values. The model is too large.");
        }

        float[] held = [], turned = [];
        long kept = -1;
        return (start, values) =>
        {
            while (values.Length > 0)
            {
                long matrix = start / (rows * count), within = start % (rows * count);
                if (matrix != kept)
                {
                    held = held.Length > 0 ? held : new float[rows * columns];
                    turned = turned.Length > 0 ? turned : new float[rows * count];
                    model.ReadFloat32(name, matrix * rows * columns, held);
                    Turn(held, turned, (int)rows, (int)columns, (int)first, (int)count);
                    kept = matrix;
                }

                int take = (int)Math.Min((rows * count) - within, values.Length);
                turned.AsSpan((int)within, take).CopyTo(values);
                start += take;
                values = values[take..];
            }
        };
    }

    /// <summary>In blocks that stay in the cache.</summary>
    private static void Turn(float[] source, float[] target, int rows, int columns, int first, int count)
    {
        const int block = 32;
        for (int row = 0; row < rows; row += block)
        {
            for (int column = 0; column < count; column += block)
            {
                for (int r = row; r < Math.Min(row + block, rows); r++)
                {
                    for (int c = column; c < Math.Min(column + block, count); c++)
                    {
                        target[(c * rows) + r] = source[(r * columns) + first + c];
                    }
                }
            }
        }
    }
}
