using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Medix.Runs;

namespace Medix.Clients.Hub;

/// <summary>Where the bytes of a file go: the lock that guards them, the partial file, and their name when they are whole.</summary>
internal sealed record BlobPlace(string Lock, string Partial, string Final);

/// <summary>Where a pull puts files. A destination knows one repository at one commit.</summary>
internal abstract class Destination
{
    /// <summary>The folder that the user is told.</summary>
    public abstract string Folder { get; }

    /// <summary>Where the commit's listing is kept.</summary>
    public abstract string ListingPath { get; }

    /// <summary>Files with equal keys have the same place and are fetched once.</summary>
    public abstract string Key(RepositoryFile file);

    /// <summary>Whether the file is there under its own name, with the right size and, if asked, the right hash.</summary>
    public abstract Task<bool> HasAsync(RepositoryFile file, bool verify, CancellationToken cancellationToken);

    public abstract BlobPlace PlaceOf(RepositoryFile file);

    /// <summary>Takes what other programs left of the file as the beginning of the partial file; returns whether anything was taken. The lock is held.</summary>
    public abstract bool Adopt(RepositoryFile file, BlobPlace place);

    /// <summary>Whether the whole bytes are there already under their final name. The lock is held.</summary>
    public abstract Task<bool> HasBlobAsync(RepositoryFile file, BlobPlace place, bool verify, CancellationToken cancellationToken);

    /// <summary>Makes whole bytes appear under the file's name.</summary>
    public abstract void Publish(RepositoryFile file);

    /// <summary>Bytes of disk that the file will take beyond what it takes now.</summary>
    public long MissingBytes(RepositoryFile file)
    {
        BlobPlace place = PlaceOf(file);
        bool reserved = LengthOf(place.Final) == file.Size || LengthOf(place.Partial) == file.Size; // partial files are made with their whole length
        return reserved ? 0 : file.Size;
    }

    /// <summary>Partial downloads that other programs left in a folder, the longest first; <paramref name="pattern"/> holds the hash.</summary>
    protected static IEnumerable<FileInfo> Leftovers(string folder, string pattern) => Directory.Exists(folder)
        ? new DirectoryInfo(folder).EnumerateFiles(pattern).Where(f => !f.Name.EndsWith(".medix.incomplete", StringComparison.Ordinal) && f.LinkTarget is null)
            .OrderByDescending(f => f.Length)
        : [];

    /// <summary>Adopts the longest leftover that is not longer than the file, unless our own partial file has got further.</summary>
    protected static bool AdoptLongest(IEnumerable<FileInfo> leftovers, RepositoryFile file, BlobPlace place)
    {
        FileInfo? best = leftovers.FirstOrDefault(f => f.Length <= file.Size && f.Length > 0);
        if (best is null || best.Length <= PartialFile.DoneIn(place.Partial, file.Size))
        {
            return false;
        }

        PartialFile.Adopt(best.FullName, place.Partial, file.Size);
        return true;
    }

    /// <summary>The length of a file or of what a link leads to; -1 where there is none.</summary>
    protected static long LengthOf(string path)
    {
        if (!File.Exists(path))
        {
            return -1;
        }

        using var handle = File.OpenHandle(path, share: FileShare.ReadWrite | FileShare.Delete);
        return RandomAccess.GetLength(handle);
    }

    protected static async Task<bool> IsWholeAsync(string path, RepositoryFile file, bool verify, CancellationToken cancellationToken) =>
        LengthOf(path) == file.Size && (!verify || await BlobHash.ComputeAsync(path, file.Etag, cancellationToken).ConfigureAwait(false) == file.Etag);
}

/// <summary>The shared cache: bytes are blobs, files are links to them.</summary>
internal sealed class CacheDestination(HubCache cache, HubRepository repository, string commit) : Destination
{
    public override string Folder => cache.SnapshotFolder(repository, commit);

    public override string ListingPath => cache.ListingPath(repository, commit);

    public override string Key(RepositoryFile file) => file.Etag;

    public override Task<bool> HasAsync(RepositoryFile file, bool verify, CancellationToken cancellationToken) =>
        IsWholeAsync(cache.PointerPath(repository, commit, file.Path), file, verify, cancellationToken);

    public override BlobPlace PlaceOf(RepositoryFile file)
    {
        string blob = cache.BlobPath(repository, file.Etag);
        return new BlobPlace(cache.LockPath(repository, file.Etag), blob + ".medix.incomplete", blob);
    }

    public override Task<bool> HasBlobAsync(RepositoryFile file, BlobPlace place, bool verify, CancellationToken cancellationToken) =>
        IsWholeAsync(place.Final, file, verify, cancellationToken);

    public override bool Adopt(RepositoryFile file, BlobPlace place) =>
        AdoptLongest(Leftovers(Path.GetDirectoryName(place.Final)!, file.Etag + "*.incomplete"), file, place);

    public override void Publish(RepositoryFile file)
    {
        cache.Link(repository, commit, file.Path, file.Etag);
        foreach (FileInfo leftover in Leftovers(Path.GetDirectoryName(cache.BlobPath(repository, file.Etag))!, file.Etag + "*.incomplete").ToArray())
        {
            leftover.Delete(); // the whole blob is there: nobody will go on with these
        }
    }
}

/// <summary>
/// A folder of plain files, with what is known of them under <c>.cache/huggingface</c> in it, as the Python client keeps it:
/// <c>download/PATH.metadata</c> has commit, hash and time.
/// </summary>
internal sealed class FolderDestination(string root, HubCache cache, HubRepository repository, string commit, TimeProvider time) : Destination
{
    private const string Reserved = ".cache/huggingface";
    private static readonly TimeSpan ClockSlack = TimeSpan.FromSeconds(1);

    public override string Folder { get; } = Path.GetFullPath(root);

    public override string ListingPath => Path.Combine(Folder, Reserved, "trees", commit + ".json");

    public override string Key(RepositoryFile file) => file.Path;

    /// <summary>Makes the folder for what is known, and keeps it out of version control and backups.</summary>
    public void Prepare()
    {
        new HubCache(Path.Combine(Folder, Reserved)).Prepare();
        string ignore = Path.Combine(Folder, Reserved, ".gitignore");
        if (!File.Exists(ignore))
        {
            AtomicFile.WriteAllText(ignore, "*");
        }
    }

    public override async Task<bool> HasAsync(RepositoryFile file, bool verify, CancellationToken cancellationToken)
    {
        string target = TargetPath(file);
        if (!verify && LengthOf(target) == file.Size && IsRemembered(file, target))
        {
            return true;
        }

        if (!await IsWholeAsync(target, file, verify: true, cancellationToken).ConfigureAwait(false))
        {
            return false;
        }

        Publish(file);
        return true;
    }

    public override BlobPlace PlaceOf(RepositoryFile file)
    {
        string name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(file.Path)).AsSpan(0, 8));
        return new BlobPlace(MetaPath(file, ".lock"), Path.Combine(Folder, Reserved, "download", $"{name}.{file.Etag}.medix.incomplete"), TargetPath(file));
    }

    public override async Task<bool> HasBlobAsync(RepositoryFile file, BlobPlace place, bool verify, CancellationToken cancellationToken) =>
        await HasAsync(file, verify, cancellationToken).ConfigureAwait(false);

    public override bool Adopt(RepositoryFile file, BlobPlace place)
    {
        if (AdoptLongest(Leftovers(Path.GetDirectoryName(MetaPath(file, ".metadata"))!, $"*.{file.Etag}.incomplete"), file, place))
        {
            return true;
        }

        string blob = cache.BlobPath(repository, file.Etag);
        if (file.Size == 0 || LengthOf(blob) != file.Size)
        {
            return false;
        }

        string copy = place.Partial + ".copy";
        Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
        File.Copy(blob, copy, overwrite: true);
        PartialFile.Adopt(copy, place.Partial, file.Size);
        return true;
    }

    public override void Publish(RepositoryFile file) => AtomicFile.WriteAllText(
        MetaPath(file, ".metadata"), string.Create(CultureInfo.InvariantCulture, $"{commit}\n{file.Etag}\n{time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0}\n"));

    private string TargetPath(RepositoryFile file) => file.Path.StartsWith(Reserved, StringComparison.OrdinalIgnoreCase)
        ? throw HubFaults.BadPath(file.Path, $"{Reserved} is where the state of downloads is kept")
        : HubPath.Below(Folder, file.Path);

    private string MetaPath(RepositoryFile file, string suffix) => HubPath.Below(Path.Combine(Folder, Reserved, "download"), file.Path) + suffix;

    /// <summary>Whether the metadata is of this hash and not older than the file.</summary>
    private bool IsRemembered(RepositoryFile file, string target)
    {
        string path = MetaPath(file, ".metadata");
        string[] lines = File.Exists(path) ? File.ReadAllLines(path) : [];
        return lines.Length >= 3 && lines[1] == file.Etag
            && double.TryParse(lines[2], NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds)
            && File.GetLastWriteTimeUtc(target) - ClockSlack <= DateTime.UnixEpoch.AddSeconds(seconds);
    }
}
