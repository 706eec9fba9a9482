namespace Medix.Imaging;

/// <summary>
/// The antialiased bicubic filter (a = −0.5) of one axis in integers, as torch computes it for 8-bit pictures on the CPU: output i is
/// <c>clamp((2^(Bits−1) + Σ_j WeightsOf(i)[j]·x[Starts[i] + j]) >> Bits)</c>, j below Counts[i].
/// </summary>
internal sealed class BicubicWeights
{
    private const int MaxBits = 22;

    private readonly short[] _weights;
    private readonly int _stride;

    private BicubicWeights(int outputs, int stride)
    {
        Starts = new int[outputs];
        Counts = new int[outputs];
        _weights = new short[checked(outputs * stride)];
        _stride = stride;
    }

    public int[] Starts { get; }

    public int[] Counts { get; }

    public int Bits { get; private set; }

    /// <summary>Weights of one output, followed by zeros to a multiple of four.</summary>
    public ReadOnlySpan<short> WeightsOf(int output) => _weights.AsSpan(output * _stride, (Counts[output] + 3) & ~3);

    public static BicubicWeights Create(int inputs, int outputs)
    {
        double scale = inputs / (double)outputs;
        double filterScale = Math.Max(scale, 1.0);
        double support = 2.0 * filterScale;
        int stride = ((((int)Math.Ceiling(support) * 2) + 1) + 3) & ~3;
        BicubicWeights axis = new(outputs, stride);
        double[] exact = new double[outputs * stride];
        for (int i = 0; i < outputs; i++)
        {
            double centre = (i + 0.5) * scale;
            int start = Math.Max((int)(centre - support + 0.5), 0);
            int count = Math.Min((int)(centre + support + 0.5), inputs) - start;
            axis.Starts[i] = start;
            axis.Counts[i] = count;
            Fill(exact.AsSpan(i * stride, count), start - centre + 0.5, filterScale);
        }

        axis.Quantise(exact);
        return axis;
    }

    private static void Fill(Span<double> weights, double offset, double filterScale)
    {
        double sum = 0;
        for (int j = 0; j < weights.Length; j++)
        {
            weights[j] = Cubic((j + offset) / filterScale);
            sum += weights[j];
        }

        for (int j = 0; j < weights.Length; j++)
        {
            weights[j] /= sum;
        }
    }

    private static double Cubic(double x)
    {
        const double A = -0.5;
        x = Math.Abs(x);
        return x < 1.0 ? ((((A + 2.0) * x) - (A + 3.0)) * x * x) + 1.0
            : x < 2.0 ? ((((x - 5.0) * x) + 8.0) * x - 4.0) * A
            : 0.0;
    }

    /// <summary>The finest precision at which the largest weight of the axis still fits a signed 16-bit number.</summary>
    private void Quantise(double[] exact)
    {
        double largest = exact.Max();
        while (Bits < MaxBits && (int)(0.5 + (largest * (1 << (Bits + 1)))) < 1 << 15)
        {
            Bits++;
        }

        double one = 1 << Bits;
        for (int i = 0; i < exact.Length; i++)
        {
            _weights[i] = (short)((exact[i] * one) + (exact[i] < 0 ? -0.5 : 0.5));
        }
    }
}
