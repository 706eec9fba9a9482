using Medix.Data;

namespace Medix.Training.Rollouts;

/// <summary>The training samples in their order, prepared as they are needed.</summary>
public sealed class SampleFeed(IReadOnlyList<Sample> samples, SamplePreparer preparer, ulong seed)
{
    private readonly SampleOrder order = new(samples.Count, seed);

    /// <summary>Samples handed out so far; set it to resume.</summary>
    public long Position
    {
        get => order.Position;
        set => order.Position = value;
    }

    /// <summary>The next samples, prepared.</summary>
    public IReadOnlyList<PreparedSample> Next(int count)
    {
        var next = new PreparedSample[count];
        int[] indices = [.. Enumerable.Range(0, count).Select(_ => order.Next())];
        Parallel.For(0, count, i => next[i] = preparer.Prepare(samples[indices[i]]));

        return next;
    }
}
