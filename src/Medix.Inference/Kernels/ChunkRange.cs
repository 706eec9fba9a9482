using System.Runtime.InteropServices;

namespace Medix.Inference.Kernels;

/// <summary>Chunks that nobody has taken yet: its owner takes them from the front, others from the back. Alone on its cache lines.</summary>
[StructLayout(LayoutKind.Sequential, Size = 128)]
internal struct ChunkRange
{
    /// <summary>The first chunk in the lower half, the end in the upper one, so that both change at once.</summary>
    private ulong range;

    /// <summary>Before others look at it.</summary>
    public void Set(int first, int end) => Volatile.Write(ref range, Pack((uint)first, (uint)end));

    public bool TryTakeFirst(out int chunk) => TryTake(last: false, out chunk);

    public bool TryTakeLast(out int chunk) => TryTake(last: true, out chunk);

    private static ulong Pack(uint first, uint end) => ((ulong)end << 32) | first;

    private bool TryTake(bool last, out int chunk)
    {
        ulong seen = Volatile.Read(ref range);
        while (true)
        {
            uint first = (uint)seen, end = (uint)(seen >> 32);
            if (first >= end)
            {
                chunk = -1;
                return false;
            }

            ulong found = Interlocked.CompareExchange(ref range, last ? Pack(first, end - 1) : Pack(first + 1, end), seen);
            if (found == seen)
            {
                chunk = (int)(last ? end - 1 : first);
                return true;
            }

            seen = found;
        }
    }
}
