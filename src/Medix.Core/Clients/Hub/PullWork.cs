using Medix.Runs;

namespace Medix.Clients.Hub;

/// <summary>A file that is wanted, and how its place is found when it comes to that.</summary>
internal sealed record Wanted(RepositoryFile File, Func<CancellationToken, Task<LocatedFile>> Locate);

/// <summary>Brings wanted files to a destination: what is missing, several at a time, each under its lock.</summary>
internal sealed class PullWork(HubRepository repository, Destination destination, PullSettings settings, HubOptions options, PullMeter meter, TimeProvider time)
{
    /// <summary>Bytes free on the disk of a folder that exists.</summary>
    public required Func<string, long> FreeBytes { get; init; }

    public async Task RunAsync(IReadOnlyList<Wanted> wanted, BlobTransfer transfer, CancellationToken cancellationToken)
    {
        var missing = new List<Wanted>();
        foreach (Wanted one in wanted)
        {
            if (settings.Force || !await destination.HasAsync(one.File, settings.Verify, cancellationToken).ConfigureAwait(false))
            {
                missing.Add(one);
            }
        }

        // Small files first: they would otherwise wait behind the ranges of the large ones.
        Wanted[][] groups = [.. missing.GroupBy(w => destination.Key(w.File), StringComparer.Ordinal).Select(g => g.ToArray()).OrderBy(g => g[0].File.Size)];
        meter.Plan(groups.Length, groups.Sum(g => g[0].File.Size));
        CheckRoom(groups);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = options.Connections, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(groups, parallel, async (group, token) => await FetchAsync(group, transfer, token).ConfigureAwait(false)).ConfigureAwait(false);
        Directory.CreateDirectory(destination.Folder);
    }

    /// <summary>Brings the bytes of one place and gives them all their names. The lock keeps other processes from doing the same.</summary>
    private async Task FetchAsync(Wanted[] group, BlobTransfer transfer, CancellationToken cancellationToken)
    {
        RepositoryFile file = group[0].File;
        BlobPlace place = destination.PlaceOf(file);
        using FileLock held = await FileLock.AcquireAsync(
            place.Lock, () => meter.Note($"{file.Path}: another process is fetching it; waiting"), time, cancellationToken).ConfigureAwait(false);
        FileMeter fileMeter = meter.Begin(file.Path, file.Size);
        if (settings.Force || !await destination.HasBlobAsync(file, place, settings.Verify, cancellationToken).ConfigureAwait(false))
        {
            if (!settings.Force && destination.Adopt(file, place))
            {
                meter.Note($"{file.Path}: continuing with what is there of it");
            }

            LocatedFile located = await group[0].Locate(cancellationToken).ConfigureAwait(false);
            var source = new BlobSource(repository, located, options.Endpoint, meter.Note);
            await transfer.FetchAsync(source, place.Partial, fileMeter, cancellationToken).ConfigureAwait(false);
            PartialFile.Finish(place.Partial, place.Final);
        }

        foreach (Wanted one in group)
        {
            destination.Publish(one.File);
        }

        fileMeter.SetBytes(file.Size);
        fileMeter.Set(FileState.Done);
    }

    private void CheckRoom(IEnumerable<Wanted[]> groups)
    {
        long needed = groups.Sum(g => destination.MissingBytes(g[0].File));
        string? folder = destination.Folder;
        while (folder is not null && !Directory.Exists(folder))
        {
            folder = Path.GetDirectoryName(folder);
        }

        long free = needed == 0 || folder is null ? long.MaxValue : FreeBytes(folder);
        if (needed > free)
        {
            throw HubFaults.DiskFull(destination.Folder, needed, free);
        }
    }
}
