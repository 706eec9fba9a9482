using System.Globalization;

namespace Medix.Evaluation.Reports;

/// <summary>How a report spells numbers: the same everywhere, a dash where there is none.</summary>
internal static class Numbers
{
    public const string None = "–";
    private const string Minus = "−";

    /// <summary>A score in [0, 1], three decimals.</summary>
    public static string Score(double value) => Text(value, "0.000");

    /// <summary>A difference with its sign.</summary>
    public static string Signed(double value)
    {
        string text = Text(value, "0.000");
        return !double.IsFinite(value) || text.TrimStart('−', '0', '.').Length == 0 ? text.TrimStart('−') : value > 0 ? "+" + text : text;
    }

    /// <summary>An interval of scores.</summary>
    public static string Range(Estimate estimate) => Bounds(Score(estimate.Low), Score(estimate.High));

    /// <summary>An interval of differences.</summary>
    public static string SignedRange(Estimate estimate) => Bounds(Signed(estimate.Low), Signed(estimate.High));

    /// <summary>A p-value: three decimals, never 0.</summary>
    public static string PValue(double value) => value < 0.001 ? "< 0.001" : Text(value, "0.000");

    /// <summary>A whole number with thousands apart.</summary>
    public static string Count(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary>A count of things, in the singular where it is one.</summary>
    public static string Count(long value, string thing) => $"{Count(value)} {thing}{(value == 1 ? "" : "s")}";

    /// <summary>A share of a whole.</summary>
    public static string Percent(double share) => Text(share * 100, share is > 0 and < 0.1 ? "0.0" : "0") + (double.IsFinite(share) ? " %" : "");

    /// <summary>Any magnitude, three significant digits.</summary>
    public static string Short(double value)
    {
        double size = Math.Abs(value);
        return Text(value, size is 0 or >= 100 ? "#,0" : size >= 10 ? "0.#" : size >= 1 ? "0.##" : size >= 0.001 ? "0.####" : "0.##e+0");
    }

    /// <summary>A time.</summary>
    public static string Duration(double seconds)
    {
        if (!double.IsFinite(seconds) || seconds < 0)
        {
            return None;
        }

        TimeSpan time = TimeSpan.FromSeconds(Math.Round(Math.Min(seconds, 1e11)));
        return seconds < 10 ? Text(seconds, "0.0") + " s"
            : seconds < 60 ? Text(seconds, "0") + " s"
            : time.TotalHours < 1 ? $"{time.Minutes} min {time.Seconds:00} s"
            : $"{Count((long)time.TotalHours)} h {time.Minutes:00} min";
    }

    /// <summary>A size of memory.</summary>
    public static string Bytes(long bytes) => bytes >= 1L << 30 ? Text(bytes / (double)(1L << 30), "0.00") + " GiB" : Text(bytes / (double)(1L << 20), "0") + " MiB";

    /// <summary>A coordinate of a drawing: short, and the same on every machine.</summary>
    public static string Coordinate(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);

    private static string Bounds(string low, string high) => low == None && high == None ? None : $"{low} to {high}";

    private static string Text(double value, string format) =>
        double.IsFinite(value) ? value.ToString(format, CultureInfo.InvariantCulture).Replace("-", Minus, StringComparison.Ordinal) : None;
}
