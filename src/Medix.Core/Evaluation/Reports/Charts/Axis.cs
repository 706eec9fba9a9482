using System.Globalization;

namespace Medix.Evaluation.Reports.Charts;

/// <summary>A range of values with its ticks at round numbers.</summary>
internal sealed record Axis(double Low, double High, IReadOnlyList<double> Ticks, int Decimals)
{
    /// <summary>
    /// An axis over the finite values, widened to ticks at 1, 2 or 5 times a power of ten, at most about <paramref name="most"/> of them.
    /// Without any value, or with one value only, it still has a length.
    /// </summary>
    public static Axis Over(IEnumerable<double> values, int most, bool whole = false)
    {
        double[] finite = [.. values.Where(double.IsFinite)];
        double low = finite.Length > 0 ? finite.Min() : 0;
        double high = finite.Length > 0 ? finite.Max() : 1;
        if (high - low <= Math.Abs(high) * 1e-9)
        {
            double room = whole ? 1 : high == 0 ? 0.05 : Math.Abs(high) * 0.1;
            (low, high) = (low - room, high + room);
        }

        double step = Step((high - low) / most);
        step = whole ? Math.Max(1, step) : step;
        (double first, double last) = (Math.Floor((low / step) + 1e-9), Math.Ceiling((high / step) - 1e-9));
        int decimals = Math.Clamp((int)Math.Ceiling(-Math.Log10(step) - 1e-9), 0, 9);
        double[] ticks = [.. Enumerable.Range(0, (int)(last - first) + 1).Select(i => (first + i) * step)];
        return new Axis(ticks[0], ticks[^1], ticks, decimals);
    }

    /// <summary>The same ticks on exactly the given ends: for steps, where room beyond the last would look like missing data.</summary>
    public Axis Within(double low, double high) => low < high && double.IsFinite(low) && double.IsFinite(high)
        ? new Axis(low, high, [.. Ticks.Where(t => t >= low && t <= high)], Decimals)
        : this;

    /// <summary>Where a value lies, 0 at the low end and 1 at the high end.</summary>
    public double Share(double value) => (value - Low) / (High - Low);

    /// <summary>A tick's label: short at any magnitude, because there is little room beside a chart.</summary>
    public string Label(double tick)
    {
        bool zero = Math.Abs(tick) < (High - Low) * 1e-9;
        string text = Math.Abs(tick) >= 10_000 ? (tick / 1000).ToString("#,0.#", CultureInfo.InvariantCulture) + "k"
            : Decimals <= 3 ? (zero ? 0 : tick).ToString("F" + Decimals, CultureInfo.InvariantCulture)
            : zero ? "0" : tick.ToString("0.##e+0", CultureInfo.InvariantCulture);
        return text.Replace("-", "−", StringComparison.Ordinal).Replace("+", "", StringComparison.Ordinal);
    }

    private static double Step(double rough)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double digit = rough / power;
        return power * (digit <= 1.000001 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
    }
}
