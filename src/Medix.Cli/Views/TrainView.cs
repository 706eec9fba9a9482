using Medix.Evaluation;
using Medix.Evaluation.Reports;
using Medix.Runs.Recipes;
using Medix.Training;

namespace Medix.Cli.Views;

/// <summary>How a training run is shown: live on a terminal, plain lines when piped.</summary>
internal abstract class TrainView : ITrainingObserver, IDisposable
{
    public static TrainView Create(TextWriter writer, TrainRecipe recipe, bool interactive) =>
        interactive ? new LiveTrainView(recipe) : new PlainTrainView(writer);

    public abstract void Message(string text);

    public abstract void Progress(string work, int done, int total);

    public abstract void WarmStart(WarmStartEvent step, int total);

    public abstract void Step(StepEvent step, int total);

    /// <summary>The last word: what was gained, and where the report is.</summary>
    public void Finish(TrainingOutcome outcome, TrainRecipe recipe)
    {
        Dispose();
        if (outcome.Report is not { } report)
        {
            Message($"Interrupted after step {outcome.StepsDone} of {recipe.Steps}. Continue with: medix train --resume {outcome.Folder.Path}");
            return;
        }

        Comparison reward = report.HeldOut.Reward;
        Message($"Held-out composite reward ({report.JudgeName}, {report.EmbedderName}):");
        Message($"  before {Show(reward.Before)}   after {Show(reward.After)}   n = {reward.After.Count}");
        Message(string.Create(CultureInfo.InvariantCulture, $"  difference {Show(reward.Difference, sign: true)}, paired p = {reward.PValue:0.0000}"));
        Message($"Report: {Path.Combine(report.Run, "report.html")}");
        Message(TrainReport.Disclaimer);
    }

    public abstract void Dispose();

    protected static string Show(Estimate e, bool sign = false) => string.Create(
        CultureInfo.InvariantCulture, $"{(sign && e.Mean >= 0 ? "+" : "")}{e.Mean:0.000} [{e.Low:0.000}, {e.High:0.000}]");

    /// <summary>A duration for people: 42 s, 3 min 05 s, 2 h 10 min.</summary>
    internal static string Duration(double seconds) => seconds switch
    {
        < 60 => string.Create(CultureInfo.InvariantCulture, $"{seconds:0} s"),
        < 3600 => string.Create(CultureInfo.InvariantCulture, $"{(int)seconds / 60} min {(int)seconds % 60:00} s"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(int)seconds / 3600} h {(int)seconds / 60 % 60:00} min"),
    };
}

/// <summary>Estimates the time left from the mean of the newest steps.</summary>
internal sealed class TimeLeft
{
    private readonly Queue<double> newest = new();

    public double Of(double seconds, int step, int total)
    {
        newest.Enqueue(seconds);
        if (newest.Count > 20)
        {
            newest.Dequeue();
        }

        return newest.Average() * (total - step);
    }
}
