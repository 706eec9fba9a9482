using System.Buffers.Binary;
using System.Security.Cryptography;
using Medix.Runs;

namespace Medix.Inference.Packed;

/// <summary>
/// The first 64 bytes of a packed file, little-endian: magic, version, a reserved word of zeros, length of the JSON header that follows, length of the whole file,
/// SHA-256 of the header. Tensors begin on 64-byte boundaries after it.
/// </summary>
internal static class PackedPrefix
{
    public const int Bytes = 64;
    public const int Alignment = 64;
    public const uint Version = 1;
    public const int MostHeaderBytes = 64 << 20;

    private static ReadOnlySpan<byte> Magic => "MedixPk\n"u8;

    public static long Align(long offset) => checked(offset + Alignment - 1) / Alignment * Alignment;

    public static byte[] Write(ReadOnlySpan<byte> header, long fileBytes)
    {
        byte[] prefix = new byte[Bytes];
        Magic.CopyTo(prefix);
        BinaryPrimitives.WriteUInt32LittleEndian(prefix.AsSpan(8), Version);
        BinaryPrimitives.WriteUInt64LittleEndian(prefix.AsSpan(16), (ulong)header.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(prefix.AsSpan(24), (ulong)fileBytes);
        SHA256.HashData(header, prefix.AsSpan(32));
        return prefix;
    }

    /// <summary>The header's bytes, checked against the prefix and the file's real length.</summary>
    public static byte[] ReadHeader(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
        byte[] prefix = new byte[Bytes];
        int read = file.ReadAtLeast(prefix, Bytes, throwOnEndOfStream: false);
        if (read < Bytes || !prefix.AsSpan(0, 8).SequenceEqual(Magic))
        {
            throw new MedixException($"{path}: it does not begin as a packed model does; expected {Bytes} bytes that start with \"MedixPk\". Make it with `medix quantize`.");
        }

        uint version = BinaryPrimitives.ReadUInt32LittleEndian(prefix.AsSpan(8));
        if (version != Version)
        {
            throw new MedixException($"{path}: the packed file's version is {version}, this program reads {Version}. Make it again with this program's `medix quantize`.");
        }

        uint reserved = BinaryPrimitives.ReadUInt32LittleEndian(prefix.AsSpan(12));
        if (reserved != 0)
        {
            throw new MedixException($"{path}: the prefix's reserved word is {reserved}, expected 0: the file is damaged or of another program. Copy or make it again.");
        }

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix.AsSpan(24)), headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix.AsSpan(16));
        if (length != (ulong)file.Length)
        {
            throw new MedixException($"{path}: the file has {file.Length} bytes, its prefix says {length}: it is cut short or was changed. Copy or make it again.");
        }

        if (headerLength > MostHeaderBytes || headerLength > length - Bytes)
        {
            throw new MedixException(
                $"{path}: its header would have {headerLength} bytes; expected at most {Math.Min(MostHeaderBytes, (long)length - Bytes)}. Copy or make the file again.");
        }

        byte[] header = new byte[headerLength];
        file.ReadExactly(header);
        return SHA256.HashData(header).AsSpan().SequenceEqual(prefix.AsSpan(32, 32))
            ? header
            : throw new MedixException($"{path}: the header's SHA-256 is not the one in the prefix: the file is damaged. Copy or make it again.");
    }
}
