using System.Globalization;
using Medix.Runs;

namespace Medix.Clients.Hub;

/// <summary>
/// The cache that is shared with the Python client: <c>models--OWNER--NAME/{blobs/HASH, refs/REVISION, snapshots/COMMIT/PATH, .no_exist/COMMIT/PATH, trees/COMMIT.json}</c> and
/// <c>.locks/models--OWNER--NAME/HASH.lock</c>. A snapshot's files are relative symbolic links to blobs, or copies where links cannot be made.
/// </summary>
public sealed class HubCache(string folder)
{
    private const string Tag =
        "Signature: 8a477f597d28d172789f06886806bc55\n# A cache of files from a Hugging Face hub, shared by medix and huggingface_hub: backups may leave it out.\n";

    /// <summary>The folder that holds the repositories.</summary>
    public string Folder { get; } = Path.GetFullPath(folder);

    /// <summary>How a link is made; a test stands in for a file system without links.</summary>
    internal Action<string, string> MakeLink { get; init; } = (path, target) => File.CreateSymbolicLink(path, target);

    /// <summary>The cache that the environment names (HF_HUB_CACHE, HF_HOME and so on).</summary>
    public static HubCache FromEnvironment() => new(HubOptions.CacheFolderOf(Environment.GetEnvironmentVariable));

    /// <summary>
    /// The snapshot's folder of <c>OWNER/NAME[@revision]</c> in the environment's cache, or null when the text has another form or nothing of it is cached.
    /// Asks nothing of the network.
    /// </summary>
    public static string? TryFindSnapshot(string id, HubKind kind = HubKind.Model) =>
        HubRepository.TryParse(id, kind, out HubRepository? repository) ? FromEnvironment().FindSnapshot(repository) : null;

    /// <summary>The snapshot's folder, or null when nothing of that revision is cached. It may hold a part of the files, as <c>--include</c> chose them.</summary>
    public string? FindSnapshot(HubRepository repository)
    {
        string? commit = FindCommit(repository);
        string? snapshot = commit is null ? null : SnapshotFolder(repository, commit);
        return Directory.Exists(snapshot) ? snapshot : null;
    }

    /// <summary>The commit that a revision meant when it was last asked for, or null.</summary>
    internal string? FindCommit(HubRepository repository)
    {
        if (repository.IsCommit)
        {
            return repository.Revision;
        }

        string path = HubPath.Below(Path.Combine(RepositoryFolder(repository), "refs"), repository.Revision);
        string? commit = File.Exists(path) ? File.ReadAllText(path).Trim() : null;
        return commit is not null && HubRepository.IsCommitHash(commit) ? commit : null;
    }

    internal string SnapshotFolder(HubRepository repository, string commit) => Path.Combine(RepositoryFolder(repository), "snapshots", commit);

    /// <summary>Where a file of a snapshot is, there or not.</summary>
    internal string PointerPath(HubRepository repository, string commit, string path) => HubPath.Below(SnapshotFolder(repository, commit), path);

    internal string BlobPath(HubRepository repository, string etag) => Path.Combine(RepositoryFolder(repository), "blobs", etag);

    internal string LockPath(HubRepository repository, string etag) => Path.Combine(Folder, ".locks", repository.FolderName, etag + ".lock");

    /// <summary>Makes the cache's folder and marks it for backup programs.</summary>
    internal void Prepare()
    {
        string tag = Path.Combine(Folder, "CACHEDIR.TAG");
        if (!File.Exists(tag))
        {
            AtomicFile.WriteAllText(tag, Tag);
        }
    }

    internal void WriteRef(HubRepository repository, string commit)
    {
        if (!repository.IsCommit && FindCommit(repository) != commit)
        {
            AtomicFile.WriteAllText(HubPath.Below(Path.Combine(RepositoryFolder(repository), "refs"), repository.Revision), commit);
        }
    }

    /// <summary>Whether the hub once said that a commit has no such file.</summary>
    internal bool IsKnownMissing(HubRepository repository, string commit, string path) => File.Exists(MissingPath(repository, commit, path));

    internal void RememberMissing(HubRepository repository, string commit, string path)
    {
        string marker = MissingPath(repository, commit, path);
        Directory.CreateDirectory(Path.GetDirectoryName(marker)!);
        File.WriteAllBytes(marker, []);
    }

    /// <summary>Makes the blob appear as a file of the snapshot.</summary>
    internal void Link(HubRepository repository, string commit, string path, string etag)
    {
        string pointer = PointerPath(repository, commit, path);
        string blob = BlobPath(repository, etag);
        string parent = Path.GetDirectoryName(pointer)!;
        Directory.CreateDirectory(parent);
        string temporary = string.Create(CultureInfo.InvariantCulture, $"{pointer}.{Environment.ProcessId}.tmp");
        File.Delete(temporary);
        try
        {
            MakeLink(temporary, Path.GetRelativePath(parent, blob));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or PlatformNotSupportedException)
        {
            File.Copy(blob, temporary, overwrite: true);
        }

        File.Move(temporary, pointer, overwrite: true);
    }

    private string RepositoryFolder(HubRepository repository) => Path.Combine(Folder, repository.FolderName);

    internal string ListingPath(HubRepository repository, string commit) => Path.Combine(RepositoryFolder(repository), "trees", commit + ".json");

    private string MissingPath(HubRepository repository, string commit, string path) =>
        HubPath.Below(Path.Combine(RepositoryFolder(repository), ".no_exist", commit), path);
}
