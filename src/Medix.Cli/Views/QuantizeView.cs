using Medix.Evaluation;
using Medix.Inference.Kernels;
using Medix.Inference.Packed;
using Medix.Inference.Quantising;

namespace Medix.Cli.Views;

/// <summary>Shows what packing a model cost: sizes, errors by kind of matrix, what was kept in more bits, predictions and answers.</summary>
internal static class QuantizeView
{
    public static void Show(TextWriter writer, QualityReport report, string folder)
    {
        Line(writer, $"{folder}: {report.Parameters / 1e6:0.0} M parameters in {report.Bytes / 1e6:0.0} MB, {report.BitsPerWeight:0.00} bits each");
        ShowTensors(writer, report.Tensors);
        ShowKept(writer, report);
        if (report.Text is { } text)
        {
            Line(writer, $"Predictions of {text.Tokens} tokens of the {report.Calibration!.Name} set, none of them used for packing:");
            Line(writer, $"  KL from the original   {Interval(text.Divergence, "0.00000")} nats, largest {text.LargestDivergence:0.000}");
            Line(writer, $"  same most probable     {Interval(text.SameChoice)}");
            Line(writer, $"  perplexity             {text.PerplexityBefore:0.000} -> {text.PerplexityAfter:0.000}");
        }

        if (report.Answers is { } answers)
        {
            Line(writer, $"Greedy answers to {answers.Questions} phantoms:");
            Line(writer, $"  same text              {Interval(answers.SameText)}");
            Pair(writer, "  reward                ", answers.Reward);
            Pair(writer, "  judged right          ", answers.Correct);
        }

        foreach (string reason in report.Skipped)
        {
            Line(writer, $"Not measured: {reason}.");
        }
    }

    private static void ShowTensors(TextWriter writer, IReadOnlyList<TensorError> tensors)
    {
        Line(writer, $"{"matrices",-28} {"stored",-6} {"MB",9} {"error",8} {"of outputs",10}");
        foreach (IGrouping<(string Kind, WeightStorage Storage), TensorError> kind in tensors.GroupBy(tensor => (KindOf(tensor.Name), tensor.Storage)))
        {
            double? outputs = kind.All(tensor => tensor.OutputError is not null) ? Root(kind, tensor => tensor.OutputError!.Value) : null;
            string name = $"{kind.Key.Kind} ({kind.Sum(tensor => tensor.Count)})";
            string storage = kind.Key.Storage.ToString().ToLowerInvariant();
            Line(writer, $"{name,-28} {storage,-6} {kind.Sum(tensor => tensor.Bytes) / 1e6,9:0.00} {Root(kind, tensor => tensor.Error),8:0.0000} {outputs,10:0.0000}");
        }
    }

    /// <summary>Root of the mean square, for errors of several matrices.</summary>
    private static double Root(IEnumerable<TensorError> tensors, Func<TensorError, double> error) => Math.Sqrt(tensors.Average(tensor => error(tensor) * error(tensor)));

    private static void ShowKept(TextWriter writer, QualityReport report)
    {
        GroupCost[] kept = [.. report.Kept];
        if (report.Groups.Count > 0)
        {
            string names = kept.Length == 0 ? "none" : string.Join(", ", kept.Select(group => $"{group.Name} ({group.Divergence:0.0000})"));
            Line(writer, $"Kept in 8 bits, with the nats that 4 bits alone would cost: {names}");
        }
    }

    private static string KindOf(string name) => string.Join('.', name.Split('.').Where(part => !part.All(char.IsAsciiDigit)));

    private static string Interval(Estimate estimate, string format = "0.000") => string.Create(
        CultureInfo.InvariantCulture,
        $"{estimate.Mean.ToString(format, CultureInfo.InvariantCulture)} [{estimate.Low.ToString(format, CultureInfo.InvariantCulture)}, "
            + $"{estimate.High.ToString(format, CultureInfo.InvariantCulture)}]");

    private static void Pair(TextWriter writer, string name, PairedComparison? comparison)
    {
        if (comparison is not null)
        {
            Line(writer, $"{name} {Interval(comparison.Before)} -> {Interval(comparison.After)}, difference {Interval(comparison.Difference)}, n = {comparison.After.Count}");
        }
    }

    private static void Line(TextWriter writer, FormattableString text) => writer.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}

/// <summary>A line for each new work, and for long work one every few seconds.</summary>
internal sealed class QuantizeProgressLines(TextWriter writer, TimeProvider time)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);
    private string work = "";
    private long last = time.GetTimestamp();

    public void Show(QuantiseProgress progress)
    {
        if (progress.Work == work && time.GetElapsedTime(last) < Pause)
        {
            return;
        }

        work = progress.Work;
        last = time.GetTimestamp();
        writer.WriteLine(progress.Done == 0 ? $"{work}…" : string.Create(CultureInfo.InvariantCulture, $"{work}: {100.0 * progress.Done / progress.Total:0} %"));
    }
}
