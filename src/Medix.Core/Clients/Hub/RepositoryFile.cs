namespace Medix.Clients.Hub;

/// <summary>One file of a repository at a commit. The path is as the hub sent it; the hashes are lower-case hexadecimal.</summary>
/// <param name="Path">Path in the repository, parts divided by '/'.</param>
/// <param name="Size">Bytes.</param>
/// <param name="BlobId">Git's SHA-1 of the file, or of its pointer where the file is in large-file storage.</param>
/// <param name="Sha256">SHA-256 of a file in large-file storage, else null.</param>
/// <param name="XetHash">The file's name in chunk storage, kept for other clients of the cache; this one does not use it.</param>
internal sealed record RepositoryFile(string Path, long Size, string BlobId, string? Sha256, string? XetHash = null)
{
    /// <summary>The name of the file's bytes in the cache, and the hash that they must have.</summary>
    public string Etag => Sha256 ?? BlobId;

    public bool IsLarge => Sha256 is not null;

    internal static bool IsSha1(string? text) => text is { Length: 40 } && text.All(char.IsAsciiHexDigitLower);

    internal static bool IsSha256(string? text) => text is { Length: 64 } && text.All(char.IsAsciiHexDigitLower);
}
