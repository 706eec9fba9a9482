namespace Medix.Inference.Kernels;

/// <summary>
/// Sums of squares of a matrix's inputs, channel by channel, while a model computes: how much an error in the weights of a channel counts. Several threads may add.
/// </summary>
internal sealed unsafe class InputMoments(int inputs)
{
    private readonly Lock gate = new();
    private readonly double[] sums = new double[inputs];

    /// <summary>Rows added.</summary>
    public long Rows { get; private set; }

    /// <summary>Sum of squares of each channel over the rows.</summary>
    public ReadOnlySpan<double> Sums => sums;

    /// <summary>Adds activations [rows, inputs].</summary>
    public void Add(float* a, int lda, int rows)
    {
        lock (gate)
        {
            for (int row = 0; row < rows; row++, a += lda)
            {
                for (int i = 0; i < sums.Length; i++)
                {
                    sums[i] += (double)a[i] * a[i];
                }
            }

            Rows += rows;
        }
    }
}
