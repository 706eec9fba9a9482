using System.Diagnostics;
using Medix.Evaluation.Reports;

namespace Medix.Cli.Views;

/// <summary>One line per event, for pipes and logs. Supervised steps and progress are thinned to about one line in two seconds.</summary>
internal sealed class PlainTrainView(TextWriter writer) : TrainView
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);
    private readonly TimeLeft left = new();
    private long lastLine;

    public override void Message(string text) => Line(text);

    public override void Progress(string work, int done, int total)
    {
        if (done == total || Due())
        {
            Line($"{work}: {done}/{total}");
        }
    }

    public override void WarmStart(WarmStartEvent step, int total)
    {
        if (step.Step == total || Due())
        {
            Line(string.Create(CultureInfo.InvariantCulture, $"warm start {step.Step}/{total}  loss {step.Loss:0.000}  lr {step.LearningRate:0.0e+0}"));
        }
    }

    public override void Step(StepEvent step, int total)
    {
        string terms = string.Join("  ", step.Terms.Select(t => string.Create(CultureInfo.InvariantCulture, $"{t.Key} {t.Value:0.00}")));
        string rest = Duration(left.Of(step.Seconds, step.Step, total));
        Line(string.Create(
            CultureInfo.InvariantCulture,
            $"step {step.Step}/{total}  reward {step.Reward:0.000}  {terms}  length {step.MeanLength:0.0}  groups {step.GroupsKept}/{step.Prompts}  "
            + $"entropy {step.Entropy:0.00}  {step.TokensPerSecond:0} tok/s  {rest} left"));
    }

    public override void Dispose() => writer.Flush();

    private bool Due() => lastLine == 0 || Stopwatch.GetElapsedTime(lastLine) > Pause;

    private void Line(string text)
    {
        lastLine = Stopwatch.GetTimestamp();
        writer.WriteLine(text);
        writer.Flush();
    }
}
