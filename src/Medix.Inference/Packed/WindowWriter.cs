using Microsoft.Win32.SafeHandles;

namespace Medix.Inference.Packed;

/// <summary>
/// Writes a file in whole windows of a huge page, whatever pieces it is given in whatever order: the system then caches it in huge pages, and maps them as such, where it
/// would else look up small ones anew whenever the file is read. What a window's neighbours have not given yet waits in memory. No byte may be given twice.
/// </summary>
internal sealed class WindowWriter(SafeFileHandle file, long fileBytes)
{
    /// <summary>Bytes of a window; the last one of a file may have fewer.</summary>
    public const int WindowBytes = 2 << 20;

    private readonly Dictionary<long, Window> waiting = [];

    /// <summary>Windows that wait for the rest of their bytes.</summary>
    public int Waiting => waiting.Count;

    /// <summary>Takes bytes that belong at <paramref name="offset"/> of the file.</summary>
    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        while (!bytes.IsEmpty)
        {
            int inside = (int)(offset % WindowBytes);
            long start = offset - inside;
            int size = (int)Math.Min(WindowBytes, fileBytes - start), count = Math.Min(bytes.Length, size - inside);
            if (count == size)
            {
                RandomAccess.Write(file, bytes[..count], start);
            }
            else
            {
                Collect(bytes[..count], start, inside, size);
            }

            bytes = bytes[count..];
            offset += count;
        }
    }

    /// <summary>Writes the windows that wait, with zeros where nothing was given.</summary>
    public void Flush()
    {
        foreach ((long start, Window window) in waiting.OrderBy(pair => pair.Key))
        {
            RandomAccess.Write(file, window.Bytes, start);
        }

        waiting.Clear();
    }

    private void Collect(ReadOnlySpan<byte> bytes, long start, int inside, int size)
    {
        Window window = waiting.GetValueOrDefault(start) ?? new Window(new byte[size], 0);
        bytes.CopyTo(window.Bytes.AsSpan(inside));
        window = window with { Filled = window.Filled + bytes.Length };
        if (window.Filled < size)
        {
            waiting[start] = window;
            return;
        }

        RandomAccess.Write(file, window.Bytes, start);
        waiting.Remove(start);
    }

    private sealed record Window(byte[] Bytes, int Filled);
}
