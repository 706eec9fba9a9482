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
        IReadOnlyList<RepositoryFile>? kept = FileListing.Read(destination.ListingPath);
        IReadOnlyList<RepositoryFile> listing = kept ?? await api.FilesAsync(repository, commit, cancellationToken).ConfigureAwait(false);
        RepositoryFile[] chosen = Choose(repository, listing, settings, filter);
        if (kept is null)
        {
            FileListing.Write(destination.ListingPath, listing);
        }

        cache.WriteRef(repository, commit);
        IEnumerable<Wanted> wanted = chosen.Select(f => new Wanted(f, token => LocateListedAsync(repository, commit, f, token)));
        await FetchAsync(repository, destination, [.. wanted], settings, cancellationToken).ConfigureAwait(false);
        return Result(repository, commit, destination, chosen);
    }

    private static RepositoryFile[] Choose(HubRepository repository, IReadOnlyList<RepositoryFile> listing, PullSettings settings, PathFilter filter)
    {
        RepositoryFile[] chosen = [.. listing.Where(f => filter.Takes(f.Path))];
        foreach (RepositoryFile file in chosen)
        {
            HubPath.Check(file.Path);
        }

        return chosen.Length > 0 || listing.Count == 0 ? chosen : throw new MedixException(
            $"None of the {listing.Count} files of {repository} is chosen by --include {Quote(settings.Include)} --exclude {Quote(settings.Exclude)}; "
            + $"there are for example {string.Join(", ", listing.Take(5).Select(f => f.Path))}.");
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
            // The first answer says what a branch means now; the other files are those of that commit, even if the branch moves on.
            string revision = commit.Length > 0 ? commit : repository.Revision;
            LocatedFile located = await api.LocateAsync(repository, revision, path, missing => RememberMissing(repository, missing, path), cancellationToken)
                .ConfigureAwait(false);
            commit = located.Commit;
            wanted.Add(new Wanted(located.File, _ => Task.FromResult(located)));
        }

        Destination destination = Open(repository, commit, settings);
        cache.WriteRef(repository, commit);
        await FetchAsync(repository, destination, wanted, settings, cancellationToken).ConfigureAwait(false);
        return Result(repository, commit, destination, [.. wanted.Select(w => w.File)]);
    }

    private Task FetchAsync(HubRepository repository, Destination destination, IReadOnlyList<Wanted> wanted, PullSettings settings, CancellationToken cancellationToken) =>
        new PullWork(repository, destination, settings, options, meter, time) { FreeBytes = FreeBytes }
            .RunAsync(wanted, new BlobTransfer(http, api, options, connections, time), cancellationToken);

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

        RepositoryFile[] chosen = Choose(repository, listing, settings, filter);
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

    private PullResult Result(HubRepository repository, string commit, Destination destination, RepositoryFile[] files) =>
        new(repository.Id, repository.Kind, repository.Revision, commit, destination.Folder, files.Length, files.Sum(f => f.Size), meter.ReceivedBytes);

    private static string Quote(IReadOnlyList<string> patterns) => patterns.Count == 0 ? "(none)" : string.Join(' ', patterns.Select(p => $"'{p}'"));
}
