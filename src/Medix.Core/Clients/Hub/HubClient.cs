using Medix.Runs;

namespace Medix.Clients.Hub;

/// <summary>
/// Fetches repositories of a Hugging Face hub: what is missing, in parallel ranges, checked by hash, into the cache that is shared with the Python client.
/// </summary>
public sealed class HubClient : IDisposable
{
    private readonly HubOptions options;
    private readonly HubCache cache;
    private readonly TimeProvider time;
    private readonly HubHttp http;
    private readonly HubApi api;
    private readonly SemaphoreSlim connections;
    private readonly PullMeter meter;

    /// <summary>
    /// Makes the client; nothing is asked yet. <paramref name="meter"/> is told what is done, <paramref name="handler"/> stands in for the network and
    /// <paramref name="time"/> for the clock in tests.
    /// </summary>
    public HubClient(HubOptions options, PullMeter? meter = null, HttpMessageHandler? handler = null, TimeProvider? time = null)
    {
        this.options = options;
        this.meter = meter ?? new PullMeter();
        this.time = time ?? TimeProvider.System;
        cache = new HubCache(options.CacheFolder);
        http = new HubHttp(options, handler, this.time, this.meter.Note);
        api = new HubApi(http, options);
        connections = new SemaphoreSlim(options.Connections);
    }

    /// <summary>Bytes free on the disk of a folder that exists; a test stands in for a full disk.</summary>
    internal Func<string, long> FreeBytes { get; init; } = folder => new DriveInfo(folder).AvailableFreeSpace;

    /// <summary>Fetches what of the repository is chosen and not there, and returns where it is. Interrupted, it keeps what has arrived; called again, it goes on there.</summary>
    /// <exception cref="MedixException">Anything that keeps a file from being whole and right; <see cref="HubFaults.Of"/> tells the kind.</exception>
    public async Task<PullResult> PullAsync(HubRepository repository, PullSettings settings, CancellationToken cancellationToken)
    {
        settings.Check();
        try
        {
            return settings.Files.Count > 0
                ? await PullFilesAsync(repository, settings, cancellationToken).ConfigureAwait(false)
                : await PullSnapshotAsync(repository, settings, cancellationToken).ConfigureAwait(false);
        }
        catch (MedixException e) when (HubFaults.Of(e) is HubFault.NoConnection or HubFault.TimedOut or HubFault.Unavailable && cache.FindSnapshot(repository) is { } snapshot)
        {
            throw HubFaults.WithHint(e, $"The cache has files of {repository} in {snapshot}.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw HubFaults.DiskFault(settings.LocalFolder ?? cache.Folder, e);
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        http.Dispose();
        connections.Dispose();
    }

    private async Task<PullResult> PullSnapshotAsync(HubRepository repository, PullSettings settings, CancellationToken cancellationToken)
    {
        var filter = new PathFilter(settings.Include, settings.Exclude);
        if (options.Offline)
        {
            return await FindOfflineAsync(repository, settings, filter, cancellationToken).ConfigureAwait(false);
        }

        string commit = repository.IsCommit ? repository.Revision : await api.CommitAsync(repository, cancellationToken).ConfigureAwait(false);
        Destination destination = Open(repository, commit, settings);
        IReadOnlyList<RepositoryFile>? listing = FileListing.Read(destination.ListingPath);
        if (listing is null)
        {
            listing = await api.FilesAsync(repository, commit, cancellationToken).ConfigureAwait(false);
            FileListing.Write(destination.ListingPath, listing);
        }

        cache.WriteRef(repository, commit);
        RepositoryFile[] chosen = [.. listing.Where(f => filter.Takes(f.Path))];
        if (chosen.Length == 0 && listing.Count > 0)
        {
            throw new MedixException(
                $"None of the {listing.Count} files of {repository} is chosen by --include {Quote(settings.Include)} --exclude {Quote(settings.Exclude)}; "
                + $"there are for example {string.Join(", ", listing.Take(5).Select(f => f.Path))}.");
        }

        IEnumerable<Wanted> wanted = chosen.Select(f => new Wanted(f, token => LocateListedAsync(repository, commit, f, token)));
        await FetchAllAsync(repository, destination, [.. wanted], settings, cancellationToken).ConfigureAwait(false);
        return Result(repository, commit, destination, chosen);
    }

    private async Task<PullResult> PullFilesAsync(HubRepository repository, PullSettings settings, CancellationToken cancellationToken)
    {
        string? known = cache.FindCommit(repository);
        if ((options.Offline || repository.IsCommit) && known is not null && !settings.Force)
        {
            Destination there = Open(repository, known, settings);
            RepositoryFile[] files = [.. settings.Files.Select(f => FindCached(repository, known, f)).OfType<RepositoryFile>()];
            if (files.Length == settings.Files.Count && settings.LocalFolder is null && !settings.Verify)
            {
                return Result(repository, known, there, files);
            }
        }

        if (options.Offline)
        {
            throw HubFaults.NotCached($"{string.Join(", ", settings.Files)} of {repository} is not in the cache {cache.Folder}.");
        }

        var wanted = new List<Wanted>();
        string commit = "";
        foreach (string path in settings.Files)
        {
            if (HubPath.Fault(path) is { } fault)
            {
                throw new MedixException($"'{path}' can be no file of a repository: {fault}. Give its path as the repository's page lists it, for example onnx/model.onnx.");
            }

            LocatedFile located = await api.LocateAsync(repository, repository.Revision, path, missing => RememberMissing(repository, missing, path), cancellationToken)
                .ConfigureAwait(false);
            if (commit.Length > 0 && commit != located.Commit)
            {
                throw HubFaults.BadAnswer($"{repository} moved from commit {commit} to {located.Commit} while its files were looked up.");
            }

            commit = located.Commit;
            wanted.Add(new Wanted(located.File, _ => Task.FromResult(located)));
        }

        Destination destination = Open(repository, commit, settings);
        cache.WriteRef(repository, commit);
        await FetchAllAsync(repository, destination, wanted, settings, cancellationToken).ConfigureAwait(false);
        return Result(repository, commit, destination, [.. wanted.Select(w => w.File)]);
    }

    private async Task FetchAllAsync(
        HubRepository repository, Destination destination, IReadOnlyList<Wanted> wanted, PullSettings settings, CancellationToken cancellationToken)
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
        CheckRoom(destination, groups);
        var transfer = new BlobTransfer(http, api, options, connections, time);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = options.Connections, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(groups, parallel, async (group, token) =>
        {
            await FetchGroupAsync(repository, destination, transfer, group[0], settings, token).ConfigureAwait(false);
            foreach (Wanted one in group)
            {
                destination.Publish(one.File);
            }
        }).ConfigureAwait(false);
        Directory.CreateDirectory(destination.Folder);
    }

    /// <summary>Brings the bytes of one place; the lock keeps other processes from doing the same.</summary>
    private async Task FetchGroupAsync(
        HubRepository repository, Destination destination, BlobTransfer transfer, Wanted wanted, PullSettings settings, CancellationToken cancellationToken)
    {
        RepositoryFile file = wanted.File;
        BlobPlace place = destination.PlaceOf(file);
        using FileLock held = await FileLock.AcquireAsync(
            place.Lock, () => meter.Note($"{file.Path}: another process is fetching it; waiting"), time, cancellationToken).ConfigureAwait(false);
        FileMeter fileMeter = meter.Begin(file.Path, file.Size);
        if (settings.Force || !await destination.HasBlobAsync(file, place, settings.Verify, cancellationToken).ConfigureAwait(false))
        {
            if (!settings.Force && destination.Adopt(file, place))
            {
                meter.Note($"{file.Path}: continuing what another program left");
            }

            LocatedFile located = await wanted.Locate(cancellationToken).ConfigureAwait(false);
            await transfer.FetchAsync(new BlobSource(repository, located, options.Endpoint, meter.Note), place.Partial, fileMeter, cancellationToken).ConfigureAwait(false);
            PartialFile.Finish(place.Partial, place.Final);
        }

        fileMeter.SetBytes(file.Size);
        fileMeter.Set(FileState.Done);
    }

    /// <summary>Small files come from the hub itself; for large ones it is asked once where they are, and must agree with its own listing.</summary>
    private async Task<LocatedFile> LocateListedAsync(HubRepository repository, string commit, RepositoryFile file, CancellationToken cancellationToken)
    {
        Uri resolve = new(options.Endpoint, repository.ResolvePath(commit, file.Path));
        if (!file.IsLarge)
        {
            return new LocatedFile(commit, file, resolve, null);
        }

        LocatedFile located = await api.LocateAsync(repository, commit, file.Path, null, cancellationToken).ConfigureAwait(false);
        return located.File.Etag == file.Etag && located.File.Size == file.Size
            ? located with { File = file }
            : throw HubFaults.BadAnswer($"{resolve.Host} lists {file.Path} with {file.Size} bytes of hash {file.Etag}, and then names {located.File.Size} of {located.File.Etag}.");
    }

    private async Task<PullResult> FindOfflineAsync(HubRepository repository, PullSettings settings, PathFilter filter, CancellationToken cancellationToken)
    {
        string? commit = cache.FindCommit(repository);
        Destination? destination = commit is null ? null : Open(repository, commit, settings);
        if (commit is null || destination is null || !Directory.Exists(destination.Folder))
        {
            throw HubFaults.NotCached($"{repository} is not in the cache {cache.Folder}.");
        }

        if (FileListing.Read(destination.ListingPath) is not { } listing)
        {
            return Result(repository, commit, destination, []); // another client fetched single files: which there are cannot be told
        }

        RepositoryFile[] chosen = [.. listing.Where(f => filter.Takes(f.Path))];
        var missing = new List<string>();
        foreach (RepositoryFile file in chosen)
        {
            if (!await destination.HasAsync(file, settings.Verify, cancellationToken).ConfigureAwait(false))
            {
                missing.Add(file.Path);
            }
        }

        return missing.Count == 0
            ? Result(repository, commit, destination, chosen)
            : throw HubFaults.NotCached($"{missing.Count} of {chosen.Length} files of {repository} are not in {destination.Folder}: {string.Join(", ", missing.Take(3))}.");
    }

    private Destination Open(HubRepository repository, string commit, PullSettings settings)
    {
        if (settings.LocalFolder is { } folder)
        {
            var local = new FolderDestination(folder, cache, repository, commit, time);
            if (!options.Offline)
            {
                local.Prepare();
            }

            return local;
        }

        if (!options.Offline)
        {
            cache.Prepare();
        }

        return new CacheDestination(cache, repository, commit);
    }

    /// <summary>A file of a snapshot that is there, by name alone; known to be missing is an error.</summary>
    private RepositoryFile? FindCached(HubRepository repository, string commit, string path)
    {
        var file = new FileInfo(cache.PointerPath(repository, commit, path));
        if (file.Exists)
        {
            return new RepositoryFile(path, ((FileInfo?)file.ResolveLinkTarget(returnFinalTarget: true) ?? file).Length, "", null);
        }

        return cache.IsKnownMissing(repository, commit, path) ? throw HubFaults.NoFile(repository, path) : null;
    }

    private void RememberMissing(HubRepository repository, string commit, string path)
    {
        cache.Prepare();
        cache.RememberMissing(repository, commit, path);
        cache.WriteRef(repository, commit);
    }

    private void CheckRoom(Destination destination, IEnumerable<Wanted[]> groups)
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

    private PullResult Result(HubRepository repository, string commit, Destination destination, RepositoryFile[] files) =>
        new(repository.Id, repository.Kind, repository.Revision, commit, destination.Folder, files.Length, files.Sum(f => f.Size), meter.ReceivedBytes);

    private static string Quote(IReadOnlyList<string> patterns) => patterns.Count == 0 ? "(none)" : string.Join(' ', patterns.Select(p => $"'{p}'"));
}

/// <summary>A file that is wanted, and how its place is found when it comes to that.</summary>
internal sealed record Wanted(RepositoryFile File, Func<CancellationToken, Task<LocatedFile>> Locate);
