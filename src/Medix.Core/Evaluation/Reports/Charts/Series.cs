namespace Medix.Evaluation.Reports.Charts;

/// <summary>One line of a chart: values (NaN where there is none) over steps, both of the same length.</summary>
internal sealed record Series(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y)
{
    private const int MostPoints = 600;

    /// <summary>How many neighbours, itself included, the smoothed line averages: an odd share of the run, 1 for very short ones.</summary>
    public static int Window(int count) => count < 8 ? 1 : Math.Clamp((count / 10) | 1, 3, 51);

    /// <summary>The values as a mean over neighbouring steps; at the ends the window is cut where the run ends.</summary>
    public Series Smoothed()
    {
        int half = Window(Y.Count) / 2;
        double[] smooth = new double[Y.Count];
        for (int i = 0; i < smooth.Length; i++)
        {
            smooth[i] = Mean(Y, Math.Max(0, i - half), Math.Min(smooth.Length, i + half + 1));
        }

        return this with { Y = smooth };
    }

    /// <summary>At most a few hundred points, each the mean of consecutive steps: more cannot be seen and would make the page heavy.</summary>
    public Series Thinned()
    {
        if (Y.Count <= MostPoints)
        {
            return this;
        }

        int size = (Y.Count + MostPoints - 1) / MostPoints;
        int[] starts = [.. Enumerable.Range(0, (Y.Count + size - 1) / size).Select(i => i * size)];
        double[] Means(IReadOnlyList<double> values) => [.. starts.Select(s => Mean(values, s, Math.Min(s + size, values.Count)))];
        return this with { X = Means(X), Y = Means(Y) };
    }

    private static double Mean(IReadOnlyList<double> values, int from, int to)
    {
        double sum = 0;
        int count = 0;
        for (int i = from; i < to; i++)
        {
            if (double.IsFinite(values[i]))
            {
                sum += values[i];
                count++;
            }
        }

        return count > 0 ? sum / count : double.NaN;
    }
}
