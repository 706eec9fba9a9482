using System.Runtime.InteropServices;

namespace Medix.Inference.Kernels;

/// <summary>Zeroed native memory on a 64-byte boundary, the width of a cache line and of the widest vector. Freed on dispose or by the finaliser.</summary>
public sealed unsafe class AlignedMemory : IDisposable
{
    private const nuint Alignment = 64;
    private readonly long bytes;
    private nint pointer;

    /// <summary>Allocates and clears <paramref name="bytes"/> bytes.</summary>
    public AlignedMemory(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        this.bytes = Math.Max(bytes, 1);
        void* allocated = NativeMemory.AlignedAlloc((nuint)this.bytes, Alignment);
        NativeMemory.Clear(allocated, (nuint)this.bytes);
        pointer = (nint)allocated;
        GC.AddMemoryPressure(this.bytes);
    }

    /// <summary>Frees memory whose owner forgot to.</summary>
    ~AlignedMemory() => Free();

    /// <summary>The first byte.</summary>
    public byte* Bytes => (byte*)pointer;

    /// <summary>The memory as single-precision numbers.</summary>
    public float* Floats => (float*)pointer;

    /// <summary>Size in bytes.</summary>
    public long Length => bytes;

    /// <summary>Room for <paramref name="count"/> single-precision numbers.</summary>
    public static AlignedMemory OfFloats(long count) => new(checked(count * sizeof(float)));

    /// <inheritdoc />
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        nint held = Interlocked.Exchange(ref pointer, 0);
        if (held != 0)
        {
            NativeMemory.AlignedFree((void*)held);
            GC.RemoveMemoryPressure(bytes);
        }
    }
}
