using Medix.Inference.Kernels;

namespace Medix.Inference.Tests;

/// <summary>Chunks taken from both ends.</summary>
public class ChunkRangeTests
{
    private const int Chunks = 20_000;

    private ChunkRange range;

    [Fact]
    public void Every_chunk_is_taken_once_from_either_end()
    {
        range.Set(7, 7 + Chunks);
        List<int> first = [], last = [], others = [];
        Thread[] threads = [new(() => Take(first, fromFront: true)), new(() => Take(last, fromFront: false)), new(() => Take(others, fromFront: false))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Equal(Enumerable.Range(7, Chunks), first.Concat(last).Concat(others).Order());
        Assert.Equal(first.Order(), first);
        Assert.Equal(last.OrderDescending(), last);
        Assert.Equal(others.OrderDescending(), others);
    }

    [Fact]
    public void Nothing_is_left_of_an_empty_range()
    {
        range.Set(3, 3);
        Assert.False(range.TryTakeFirst(out _));
        Assert.False(range.TryTakeLast(out _));
    }

    private void Take(List<int> taken, bool fromFront)
    {
        while (fromFront ? range.TryTakeFirst(out int chunk) : range.TryTakeLast(out chunk))
        {
            taken.Add(chunk);
        }
    }
}
