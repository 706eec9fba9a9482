using System.Text.Json;
using Medix.Runs;
using Microsoft.Win32.SafeHandles;

namespace Medix.Clients.Hub;

/// <summary>
/// A file that is arriving: preallocated, filled at several places at once, with a small record beside it (<c>.ranges</c>) of what is there. The record is written about once a
/// second after the bytes it speaks of, and when this is closed, so that after a cut or Ctrl-C exactly the missing ranges remain.
/// The file's name is not one that the Python client would take for a download of its own: there, length alone means progress.
/// </summary>
internal sealed class PartialFile : IDisposable
{
    private static readonly TimeSpan RecordPause = TimeSpan.FromSeconds(1);
    private readonly Lock gate = new();
    private readonly ByteRanges done = new();
    private readonly SafeFileHandle handle;
    private readonly TimeProvider time;
    private long recorded;
    private bool stale;

    private PartialFile(string path, long size, SafeFileHandle handle, TimeProvider time)
    {
        (Path, Size, this.handle, this.time) = (path, size, handle, time);
        recorded = time.GetTimestamp();
    }

    public string Path { get; }

    public long Size { get; }

    /// <summary>Bytes that are there.</summary>
    public long Done
    {
        get
        {
            lock (gate)
            {
                return done.Count;
            }
        }
    }

    private static string RecordPath(string path) => path + ".ranges";

    /// <summary>Opens what an earlier process left, where its record fits, or starts anew.</summary>
    public static PartialFile Open(string path, long size, TimeProvider time)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        ByteRanges left = ReadRecord(path, size);
        long length = File.Exists(path) ? new FileInfo(path).Length : -1;
        bool usable = left.Count > 0 && length == size;
        SafeFileHandle handle = File.OpenHandle(
            path, usable ? FileMode.Open : FileMode.Create, FileAccess.Write, FileShare.Read, FileOptions.Asynchronous, usable ? 0 : size);
        var file = new PartialFile(path, size, handle, time);
        if (usable)
        {
            foreach (ByteRange range in left.Items)
            {
                file.done.Add(range);
            }
        }
        else
        {
            RandomAccess.SetLength(handle, size);
            file.SaveRecord();
        }

        return file;
    }

    /// <summary>Makes a file whose first bytes another program fetched into a partial file of ours.</summary>
    public static void Adopt(string prefix, string path, long size)
    {
        long length = Math.Min(new FileInfo(prefix).Length, size);
        File.Move(prefix, path, overwrite: true);
        using (SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.Write))
        {
            RandomAccess.SetLength(handle, size);
        }

        WriteRecord(path, size, [new ByteRange(0, length)]);
    }

    /// <summary>Bytes that a record says are there already; 0 where there is no usable partial file.</summary>
    public static long DoneIn(string path, long size) => File.Exists(path) && new FileInfo(path).Length == size ? ReadRecord(path, size).Count : 0;

    /// <summary>Removes a partial file with its record.</summary>
    public static void Delete(string path)
    {
        File.Delete(path);
        File.Delete(RecordPath(path));
    }

    /// <summary>What is missing, in pieces of at most <paramref name="pieceBytes"/>.</summary>
    public IReadOnlyList<ByteRange> Missing(long pieceBytes)
    {
        lock (gate)
        {
            return [.. done.Missing(Size, pieceBytes)];
        }
    }

    /// <summary>Writes bytes at their place. May be called from several tasks for different places.</summary>
    public async Task WriteAsync(long offset, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        try
        {
            await RandomAccess.WriteAsync(handle, bytes, offset, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw HubFaults.DiskFault(Path, e);
        }

        lock (gate)
        {
            done.Add(new ByteRange(offset, offset + bytes.Length));
            stale = true;
            if (time.GetElapsedTime(recorded) > RecordPause)
            {
                SaveRecord();
            }
        }
    }

    /// <summary>Forgets what is there: for a server that can only send the whole.</summary>
    public void Clear()
    {
        lock (gate)
        {
            done.Clear();
            SaveRecord();
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            if (stale)
            {
                SaveRecord();
            }
        }

        handle.Dispose();
    }

    /// <summary>Gives the whole file its name; the record goes.</summary>
    public static void Finish(string path, string target)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(target)!);
        File.Move(path, target, overwrite: true);
        File.Delete(RecordPath(path));
    }

    private void SaveRecord()
    {
        WriteRecord(Path, Size, done.Items);
        recorded = time.GetTimestamp();
        stale = false;
    }

    private static void WriteRecord(string path, long size, IEnumerable<ByteRange> ranges) =>
        AtomicFile.WriteAllText(RecordPath(path), JsonSerializer.Serialize(new PartialRecord(size, [.. ranges.Select(r => new[] { r.Start, r.End })]), EventLog.Lines));

    private static ByteRanges ReadRecord(string path, long size)
    {
        var ranges = new ByteRanges();
        string file = RecordPath(path);
        try
        {
            PartialRecord? record = File.Exists(file) ? JsonSerializer.Deserialize<PartialRecord>(File.ReadAllText(file), EventLog.Lines) : null;
            if (record is { Done: not null } && record.Size == size && record.Done.All(r => r is [>= 0, _] && r[0] <= r[1] && r[1] <= size))
            {
                foreach (long[] range in record.Done)
                {
                    ranges.Add(new ByteRange(range[0], range[1]));
                }
            }
        }
        catch (JsonException)
        {
            ranges.Clear(); // a record that cannot be read says nothing: the download starts anew
        }

        return ranges;
    }
}

/// <summary>The record beside a partial file: the whole size, and [start, end) of each range that is there.</summary>
internal sealed record PartialRecord(long Size, long[][] Done);
