namespace Medix.Inference.Kernels;

/// <summary>One growing piece of memory per worker of a pool. Grow it between jobs only.</summary>
internal sealed unsafe class Scratch(int workers) : IDisposable
{
    private readonly AlignedMemory[] memory = [.. Enumerable.Range(0, workers).Select(_ => new AlignedMemory(0))];

    public float* this[int worker] => memory[worker].Floats;

    /// <summary>Makes room for <paramref name="floats"/> numbers each, and half as much again when it has to grow.</summary>
    public void Require(long floats)
    {
        if (memory[0].Length >= floats * sizeof(float))
        {
            return;
        }

        for (int i = 0; i < memory.Length; i++)
        {
            memory[i].Dispose();
            memory[i] = AlignedMemory.OfFloats(floats + (floats / 2));
        }
    }

    public void Dispose()
    {
        foreach (AlignedMemory part in memory)
        {
            part.Dispose();
        }
    }
}
