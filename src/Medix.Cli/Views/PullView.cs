using Medix.Clients.Hub;
using Spectre.Console;

namespace Medix.Cli.Views;

/// <summary>How a pull is shown while it runs: bars on a terminal, a line every two seconds elsewhere.</summary>
internal abstract class PullView
{
    private const double MaxEstimate = 100 * 3600; // what is slower than that has only just begun

    public static PullView Create(TextWriter writer, bool interactive) => interactive ? new LivePullView(AnsiConsole.Console) : new PlainPullView(writer);

    /// <summary>Shows the meter until the pull ends, however it ends; the caller awaits the pull itself.</summary>
    public abstract Task FollowAsync(PullMeter meter, Task pull);

    /// <summary>Bytes, rate and time left in one line.</summary>
    protected static string Describe(PullMeter meter, double perSecond)
    {
        long done = meter.DoneBytes;
        double seconds = (meter.TotalBytes - done) / perSecond;
        string left = seconds < MaxEstimate ? $"  {TrainView.Duration(seconds)} left" : "";
        return $"{ByteSize.Show(done)} of {ByteSize.Show(meter.TotalBytes)}  {meter.DoneFiles}/{meter.TotalFiles} files  {ByteSize.Show((long)perSecond)}/s{left}";
    }
}

/// <summary>The rate of the last ten seconds.</summary>
internal sealed class TransferRate(TimeProvider time)
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);
    private readonly Queue<(long Timestamp, long Bytes)> samples = new();

    /// <summary>Takes the bytes received so far; returns bytes a second.</summary>
    public double Update(long bytes)
    {
        long now = time.GetTimestamp();
        samples.Enqueue((now, bytes));
        while (time.GetElapsedTime(samples.Peek().Timestamp, now) > Window)
        {
            samples.Dequeue();
        }

        (long since, long before) = samples.Peek();
        double seconds = time.GetElapsedTime(since, now).TotalSeconds;
        return seconds > 0 ? (bytes - before) / seconds : 0;
    }
}

/// <summary>Lines for pipes and logs.</summary>
internal sealed class PlainPullView(TextWriter writer) : PullView
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);
    private readonly TransferRate rate = new(TimeProvider.System);

    public override async Task FollowAsync(PullMeter meter, Task pull)
    {
        long last = TimeProvider.System.GetTimestamp();
        while (!pull.IsCompleted)
        {
            await Task.WhenAny(pull, Task.Delay(Look)).ConfigureAwait(false);
            WriteNotes(meter);
            double perSecond = rate.Update(meter.ReceivedBytes);
            if (!pull.IsCompleted && meter.TotalFiles > 0 && TimeProvider.System.GetElapsedTime(last) > Pause)
            {
                writer.WriteLine(Describe(meter, perSecond));
                last = TimeProvider.System.GetTimestamp();
            }
        }

        WriteNotes(meter);
        writer.Flush();
    }

    private void WriteNotes(PullMeter meter)
    {
        while (meter.TryTakeNote(out string note))
        {
            writer.WriteLine(note);
        }
    }
}

/// <summary>A bar for the whole and one for each file on its way.</summary>
internal sealed class LivePullView(IAnsiConsole console) : PullView
{
    private const int MaxFiles = 12;
    private const int NameWidth = 44;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);
    private readonly TransferRate rate = new(TimeProvider.System);
    private readonly Dictionary<string, ProgressTask> bars = new(StringComparer.Ordinal);

    public override Task FollowAsync(PullMeter meter, Task pull) => console.Progress()
        .AutoClear(true)
        .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn())
        .StartAsync(async context =>
        {
            ProgressTask whole = context.AddTask("asking the hub");
            while (!pull.IsCompleted)
            {
                await Task.WhenAny(pull, Task.Delay(Look)).ConfigureAwait(false);
                Paint(context, whole, meter);
            }
        });

    private void Paint(ProgressContext context, ProgressTask whole, PullMeter meter)
    {
        while (meter.TryTakeNote(out string note))
        {
            console.MarkupLineInterpolated($"[grey]{note}[/]");
        }

        double perSecond = rate.Update(meter.ReceivedBytes);
        if (meter.TotalFiles > 0)
        {
            whole.MaxValue = Math.Max(meter.TotalBytes, 1);
            whole.Value = meter.DoneBytes;
            whole.Description = Markup.Escape(Describe(meter, perSecond));
        }

        foreach (FileMeter file in meter.Files.OrderBy(f => f.Path, StringComparer.Ordinal))
        {
            if (file.State == FileState.Done)
            {
                Remove(context, file);
            }
            else if (bars.TryGetValue(file.Path, out ProgressTask? bar) || bars.Count < MaxFiles)
            {
                string description = Markup.Escape((file.State == FileState.Checking ? "checking " : "") + Shorten(file.Path));
                bar ??= bars[file.Path] = context.AddTask(description, maxValue: Math.Max(file.Size, 1));
                bar.Description = description;
                bar.Value = file.Bytes;
            }
        }
    }

    private void Remove(ProgressContext context, FileMeter file)
    {
        if (bars.Remove(file.Path, out ProgressTask? bar))
        {
            bar.StopTask();
            context.RemoveTask(bar);
        }
    }

    private static string Shorten(string path) => path.Length <= NameWidth ? path : "…" + path[^(NameWidth - 1)..];
}
