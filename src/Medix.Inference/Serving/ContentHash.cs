using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Medix.Inference.Serving;

/// <summary>A SHA-256 digest: what it names is the same wherever it is the same, so no request can be given another's keys and values.</summary>
internal readonly record struct ContentHash(UInt128 First, UInt128 Second)
{
    /// <summary>The digest of some values.</summary>
    public static ContentHash Of<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        Span<ContentHash> hash = [default];
        SHA256.HashData(MemoryMarshal.AsBytes(values), MemoryMarshal.AsBytes(hash));
        return hash[0];
    }

    /// <summary>The digest's eight words.</summary>
    public void CopyTo(Span<int> words) => MemoryMarshal.Cast<ContentHash, int>([this]).CopyTo(words);
}
