using System.Buffers.Binary;

namespace Medix.Imaging;

/// <summary>Walks the chunks of a PNG file (ISO/IEC 15948): length, type, data, checksum.</summary>
internal static class PngChunks
{
    public static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    private static readonly uint[] Table = MakeTable();

    /// <summary>Whether the file starts with a whole IHDR; its 13 bytes are at offset 16.</summary>
    public static bool TryHeader(ReadOnlySpan<byte> bytes, out ReadOnlySpan<byte> header)
    {
        bool whole = bytes.Length >= 33 && bytes.StartsWith(Signature) && bytes[12..16].SequenceEqual("IHDR"u8);
        header = whole ? bytes.Slice(16, 13) : default;
        return whole;
    }

    /// <summary>
    /// The next chunk from <paramref name="position"/>, which moves behind it. False at the end of the bytes and at a chunk that is cut
    /// short or whose checksum is wrong.
    /// </summary>
    public static bool TryNext(ReadOnlyMemory<byte> bytes, ref int position, out ReadOnlySpan<byte> type, out ReadOnlyMemory<byte> data)
    {
        type = default;
        data = default;
        ReadOnlySpan<byte> rest = bytes.Span[Math.Min(position, bytes.Length)..];
        if (rest.Length < 12)
        {
            return false;
        }

        uint length = BinaryPrimitives.ReadUInt32BigEndian(rest);
        if (length > (uint)(rest.Length - 12))
        {
            return false;
        }

        int size = (int)length;
        if (Checksum(rest.Slice(4, size + 4)) != BinaryPrimitives.ReadUInt32BigEndian(rest[(size + 8)..]))
        {
            return false;
        }

        type = rest.Slice(4, 4);
        data = bytes.Slice(position + 8, size);
        position += size + 12;
        return true;
    }

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc = Table[(byte)(crc ^ value)] ^ (crc >> 8);
        }

        return ~crc;
    }

    private static uint[] MakeTable()
    {
        uint[] table = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            uint value = i;
            for (int bit = 0; bit < 8; bit++)
            {
                value = (value & 1) != 0 ? 0xEDB88320u ^ (value >> 1) : value >> 1;
            }

            table[i] = value;
        }

        return table;
    }
}
