using System.Security.Cryptography;

namespace Medix.Data;

/// <summary>SHA-256 of pictures' encoded bytes, computed once per buffer: rows that share a file share its bytes.</summary>
internal sealed class ImageDigests
{
    private readonly Dictionary<ReadOnlyMemory<byte>, string> known = [];

    /// <summary>The digest in lower-case hexadecimal.</summary>
    public string Of(ImageSource image)
    {
        if (!known.TryGetValue(image.Bytes, out string? digest))
        {
            digest = Convert.ToHexStringLower(SHA256.HashData(image.Bytes.Span));
            known.Add(image.Bytes, digest);
        }

        return digest;
    }
}
