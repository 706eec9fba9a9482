namespace Medix.Clients.Hub;

/// <summary>
/// An exclusive lock on a file, held against other tasks and other processes. On Unix it is <c>flock</c>, as the Python client's is, so that the two wait for each other;
/// the system frees it when its holder dies, and the empty file stays.
/// </summary>
internal sealed class FileLock : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private readonly FileStream held;

    private FileLock(FileStream held) => this.held = held;

    /// <summary>Waits for the lock; <paramref name="waiting"/> is told once when another holds it.</summary>
    public static async Task<FileLock> AcquireAsync(string path, Action waiting, TimeProvider time, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        for (bool told = false; ; told = true)
        {
            try
            {
                return new FileLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
            }
            catch (IOException e) when (IsHeldElsewhere(e))
            {
                if (!told)
                {
                    waiting();
                }
            }

            await Task.Delay(Pause, time, cancellationToken).ConfigureAwait(false);
        }
    }

    public void Dispose() => held.Dispose();

    // .NET has no exception of its own for this: EWOULDBLOCK on Unix (11 on Linux, 35 on macOS), sharing and lock violations on Windows.
    private static bool IsHeldElsewhere(IOException e) => e.GetType() == typeof(IOException) && (e.HResult & 0xFFFF) is 11 or 35 or 32 or 33;
}
