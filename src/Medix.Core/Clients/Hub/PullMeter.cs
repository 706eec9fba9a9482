using System.Collections.Concurrent;

namespace Medix.Clients.Hub;

/// <summary>What a pull has done so far. Transfers write it, a view reads it whenever it likes; all members may be used from any thread.</summary>
public sealed class PullMeter
{
    private readonly ConcurrentQueue<string> notes = new();
    private readonly ConcurrentDictionary<string, FileMeter> files = new(StringComparer.Ordinal);
    private int totalFiles;
    private long totalBytes;

    /// <summary>Files that are to be fetched; 0 before that is known.</summary>
    public int TotalFiles => Volatile.Read(ref totalFiles);

    /// <summary>Bytes of those files, the ones that are there from an earlier try included.</summary>
    public long TotalBytes => Interlocked.Read(ref totalBytes);

    /// <summary>Files that are complete and checked.</summary>
    public int DoneFiles => files.Values.Count(f => f.State == FileState.Done);

    /// <summary>Bytes that are on the disk.</summary>
    public long DoneBytes => files.Values.Sum(f => f.Bytes);

    /// <summary>Bytes that came over the network in this pull.</summary>
    public long ReceivedBytes => files.Values.Sum(f => f.Received);

    /// <summary>The files that have been begun, in no order.</summary>
    public IReadOnlyCollection<FileMeter> Files => [.. files.Values];

    /// <summary>Takes the oldest message that no one has taken yet: a retry, a wait for another process, a download that is continued.</summary>
    public bool TryTakeNote(out string note)
    {
        bool taken = notes.TryDequeue(out string? text);
        note = text ?? "";
        return taken;
    }

    internal void Note(string text) => notes.Enqueue(text);

    internal void Plan(int count, long bytes)
    {
        Interlocked.Add(ref totalFiles, count);
        Interlocked.Add(ref totalBytes, bytes);
    }

    internal FileMeter Begin(string path, long size) => files.GetOrAdd(path, p => new FileMeter(p, size));
}

/// <summary>Where a file stands.</summary>
public enum FileState
{
    /// <summary>Bytes are arriving.</summary>
    Fetching,

    /// <summary>All bytes are there; the hash is being computed.</summary>
    Checking,

    /// <summary>Complete and checked.</summary>
    Done,
}

/// <summary>What one file of a pull has done so far.</summary>
public sealed class FileMeter
{
    private long bytes;
    private long received;
    private int state;

    internal FileMeter(string path, long size) => (Path, Size) = (path, size);

    /// <summary>Path in the repository.</summary>
    public string Path { get; }

    /// <summary>Bytes of the whole file.</summary>
    public long Size { get; }

    /// <summary>Bytes on the disk.</summary>
    public long Bytes => Interlocked.Read(ref bytes);

    /// <summary>Bytes that came over the network in this pull, those that were thrown away included.</summary>
    public long Received => Interlocked.Read(ref received);

    /// <summary>Where the file stands.</summary>
    public FileState State => (FileState)Volatile.Read(ref state);

    internal void Set(FileState next) => Volatile.Write(ref state, (int)next);

    internal void SetBytes(long value) => Interlocked.Exchange(ref bytes, value);

    internal void Add(int count)
    {
        Interlocked.Add(ref bytes, count);
        Interlocked.Add(ref received, count);
    }
}
