using Medix.Clients.Hub;

namespace Medix.Cli.Views;

/// <summary>Bytes, rate and time left of long work: one line that is written over on a terminal, a line every two seconds elsewhere.</summary>
internal sealed class ByteProgress(TextWriter writer) : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);
    private readonly TransferRate rate = new(TimeProvider.System);
    private readonly bool live = !Console.IsErrorRedirected;
    private readonly Lock gate = new();
    private long last = TimeProvider.System.GetTimestamp();
    private bool shown;

    /// <summary>Takes the bytes done so far.</summary>
    public void Show(long done, long total)
    {
        lock (gate)
        {
            if (TimeProvider.System.GetElapsedTime(last) < (live ? Pause / 10 : Pause))
            {
                return;
            }

            last = TimeProvider.System.GetTimestamp();
            double perSecond = rate.Update(done);
            string left = perSecond > 0 ? $"  {ByteSize.Show((long)perSecond)}/s  {TrainView.Duration((total - done) / perSecond)} left" : "";
            string line = $"{ByteSize.Show(done)} of {ByteSize.Show(total)}{left}";
            writer.Write(live ? $"\r{line,-70}" : line + writer.NewLine);
            writer.Flush();
            shown = true;
        }
    }

    /// <summary>Ends the line.</summary>
    public void Dispose()
    {
        if (shown && live)
        {
            writer.Write($"\r{"",-70}\r");
        }

        shown = false;
    }
}
