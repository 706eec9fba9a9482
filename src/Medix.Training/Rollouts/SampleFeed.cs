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
        for (int i = 0; i < count; i++)
        {
            next[i] = preparer.Prepare(samples[order.Next()]);
        }

        return next;
    }
}
