using Medix.Evaluation.Reports;
using Medix.Runs.Recipes;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Medix.Cli.Views;

/// <summary>A table that stays in place: the step, the reward and its terms with sparklines, length, speed and time left.</summary>
internal sealed class LiveTrainView : TrainView
{
    private const int SparklineWidth = 40;
    private static readonly char[] Bars = [.. "▁▂▃▄▅▆▇█"];
    private readonly Dictionary<string, List<double>> series = new(StringComparer.Ordinal);
    private readonly TimeLeft left = new();
    private readonly string title;
    private readonly Lock gate = new();
    private readonly ManualResetEventSlim ended = new(false);
    private Thread? painter;
    private LiveDisplayContext? live;

    public LiveTrainView(TrainRecipe recipe) => title = $"medix train · {recipe.Name} · {recipe.Algorithm.Preset}";

    public override void Message(string text)
    {
        lock (gate)
        {
            AnsiConsole.WriteLine(text);
        }
    }

    public override void Progress(string work, int done, int total) => Paint(new Markup($"[grey]{Markup.Escape(work)}[/] {done}/{total}"));

    public override void WarmStart(WarmStartEvent step, int total)
    {
        Add("loss", step.Loss);
        Paint(Table(string.Create(CultureInfo.InvariantCulture, $"warm start {step.Step}/{total}"), [Row("loss", step.Loss)]));
        if (step.Step == total)
        {
            series.Clear();
        }
    }

    public override void Step(StepEvent step, int total)
    {
        Add("reward", step.Reward);
        var rows = new List<string[]> { Row("reward", step.Reward) };
        foreach ((string term, double value) in step.Terms)
        {
            Add(term, value);
            rows.Add(Row(term, value));
        }

        foreach ((string name, double value) in new[] { ("length", step.MeanLength), ("entropy", step.Entropy), ("tokens/s", step.TokensPerSecond) })
        {
            Add(name, value);
            rows.Add(Row(name, value));
        }

        string rest = Duration(left.Of(step.Seconds, step.Step, total));
        Paint(Table($"step {step.Step}/{total}   groups {step.GroupsKept}/{step.Prompts}   {rest} left", rows));
    }

    public override void Dispose()
    {
        if (painter is not null)
        {
            ended.Set();
            painter.Join();
            painter = null;
        }
    }

    private void Add(string name, double value)
    {
        if (!series.TryGetValue(name, out List<double>? values))
        {
            series[name] = values = [];
        }

        values.Add(value);
    }

    private string[] Row(string name, double value) =>
        [name, value.ToString(Math.Abs(value) >= 100 ? "0" : "0.000", CultureInfo.InvariantCulture), Sparkline(series[name])];

    private Table Table(string caption, IEnumerable<string[]> rows)
    {
        Table table = new Table().Title(Markup.Escape(title)).Caption(Markup.Escape(caption)).Border(TableBorder.Rounded).HideHeaders();
        table.AddColumn("").AddColumn(new TableColumn("").RightAligned()).AddColumn(new TableColumn("").Width(SparklineWidth));
        foreach (string[] row in rows)
        {
            table.AddRow(Markup.Escape(row[0]), row[1], $"[teal]{row[2]}[/]");
        }

        return table;
    }

    /// <summary>The values in bars, thinned to the width by averaging neighbours.</summary>
    internal static string Sparkline(IReadOnlyList<double> values)
    {
        int width = Math.Min(SparklineWidth, values.Count);
        double[] means = [.. Enumerable.Range(0, width).Select(i => values.Skip(i * values.Count / width).Take(Math.Max(1, values.Count / width)).Average())];
        double low = means.Min();
        double range = Math.Max(means.Max() - low, 1e-9);
        return new string([.. means.Select(m => Bars[(int)Math.Min(Bars.Length - 1, (m - low) / range * Bars.Length)])]);
    }

    /// <summary>Spectre's live display owns a thread while it is shown; it is started with the first thing to paint.</summary>
    private void Paint(IRenderable content)
    {
        lock (gate)
        {
            if (painter is null)
            {
                using var ready = new ManualResetEventSlim(false);
                painter = new Thread(() => AnsiConsole.Live(content).AutoClear(false).Start(context =>
                {
                    live = context;
                    ready.Set();
                    ended.Wait();
                }));
                painter.Start();
                ready.Wait();
            }

            live!.UpdateTarget(content);
        }
    }
}
