using System.Diagnostics;

namespace Medix.Training;

/// <summary>Wall time by phase of a step or a run, in seconds.</summary>
public sealed class PhaseClock
{
    private readonly Dictionary<string, double> seconds = new(StringComparer.Ordinal);
    private readonly long start = Stopwatch.GetTimestamp();

    /// <summary>Seconds by phase, in order of first use.</summary>
    public IReadOnlyDictionary<string, double> Seconds => seconds;

    /// <summary>Seconds since the clock was made.</summary>
    public double Elapsed => Stopwatch.GetElapsedTime(start).TotalSeconds;

    /// <summary>Adds to a phase.</summary>
    public void Add(string phase, double amount) => seconds[phase] = seconds.GetValueOrDefault(phase) + amount;

    /// <summary>Runs and times.</summary>
    public T Time<T>(string phase, Func<T> work)
    {
        long begin = Stopwatch.GetTimestamp();
        T result = work();
        Add(phase, Stopwatch.GetElapsedTime(begin).TotalSeconds);
        return result;
    }

    /// <summary>Runs and times.</summary>
    public async Task<T> TimeAsync<T>(string phase, Func<Task<T>> work)
    {
        long begin = Stopwatch.GetTimestamp();
        T result = await work().ConfigureAwait(false);
        Add(phase, Stopwatch.GetElapsedTime(begin).TotalSeconds);
        return result;
    }
}
