using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Medix.Clients.Hub;

/// <summary>The hashes by which a hub names bytes: SHA-256 in large-file storage, git's SHA-1 of a blob elsewhere.</summary>
internal static class BlobHash
{
    private const int BufferBytes = 1 << 20;

    /// <summary>The hash of the kind that <paramref name="etag"/> is, in lower-case hexadecimal.</summary>
    public static async Task<string> ComputeAsync(string path, string etag, CancellationToken cancellationToken)
    {
        FileStream file = new(path, new FileStreamOptions
        {
            Access = FileAccess.Read, Share = FileShare.ReadWrite | FileShare.Delete, BufferSize = 0, Options = FileOptions.SequentialScan,
        });
        await using (file.ConfigureAwait(false))
        {
            using IncrementalHash hash = Begin(etag, file.Length);
            byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
            try
            {
                int read;
                while ((read = await file.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
                {
                    hash.AppendData(buffer, 0, read);
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }

            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
    }

    private static IncrementalHash Begin(string etag, long length)
    {
        if (RepositoryFile.IsSha256(etag))
        {
            return IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        }

#pragma warning disable CA5350 // git names its objects by SHA-1; there is no other hash to check these small files by
        IncrementalHash git = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
#pragma warning restore CA5350
        git.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {length}\0")));
        return git;
    }
}
