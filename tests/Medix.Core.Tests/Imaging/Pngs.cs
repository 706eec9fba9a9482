using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Medix.Core.Tests.Imaging;

/// <summary>Makes small PNG files of any kind, valid or deliberately wrong.</summary>
internal static class Pngs
{
    /// <summary>Every filter type in turn, so that a decoder's every branch is used.</summary>
    public static byte[] Encode(int width, int height, int bits, int colorType, int channels, Func<int, int, int, int> sample, bool interlaced = false)
    {
        using MemoryStream raw = new();
        (int X, int Y, int Dx, int Dy)[] passes = interlaced
            ? [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
            : [(0, 0, 1, 1)];
        foreach ((int x0, int y0, int dx, int dy) in passes)
        {
            WritePass(raw, width, height, bits / 8, channels, sample, (x0, y0, dx, dy));
        }

        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        header[8] = (byte)bits;
        header[9] = (byte)colorType;
        header[12] = (byte)(interlaced ? 1 : 0);
        return [0x89, .. "PNG\r\n\u001a\n"u8, .. Chunk("IHDR", header), .. Chunk("IDAT", Deflate(raw.ToArray())), .. Chunk("IEND", [])];
    }

    /// <summary>Puts a chunk right before the first IDAT.</summary>
    public static byte[] WithChunk(byte[] png, string type, byte[] data)
    {
        int at = png.AsSpan().IndexOf("IDAT"u8) - 4;
        return [.. png[..at], .. Chunk(type, data), .. png[at..]];
    }

    /// <summary>Changes the size in the header and mends its checksum: a file that lies.</summary>
    public static byte[] WithSize(byte[] png, int width, int height)
    {
        byte[] header = png[16..29];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        return [.. png[..8], .. Chunk("IHDR", header), .. png[33..]];
    }

    private static void WritePass(
        MemoryStream raw, int width, int height, int size, int channels, Func<int, int, int, int> sample, (int X, int Y, int Dx, int Dy) pass)
    {
        int columns = (width - pass.X + pass.Dx - 1) / pass.Dx;
        if (columns <= 0)
        {
            return;
        }

        int step = size * channels;
        byte[] above = new byte[(columns * step) + step];
        int filter = 0;
        for (int y = pass.Y; y < height; y += pass.Dy)
        {
            byte[] line = new byte[above.Length];
            for (int i = 0; i < columns * channels; i++)
            {
                int value = sample(pass.X + (i / channels * pass.Dx), y, i % channels);
                for (int k = 0; k < size; k++)
                {
                    line[step + (i * size) + k] = (byte)(value >> (8 * (size - 1 - k)));
                }
            }

            raw.WriteByte((byte)filter);
            for (int i = step; i < line.Length; i++)
            {
                raw.WriteByte((byte)(line[i] - Predict(filter, line[i - step], above[i], above[i - step])));
            }

            above = line;
            filter = (filter + 1) % 5;
        }
    }

    private static int Predict(int filter, int left, int up, int corner)
    {
        if (filter == 4)
        {
            int estimate = left + up - corner;
            return new[] { left, up, corner }.MinBy(value => Math.Abs(estimate - value));
        }

        return filter switch { 1 => left, 2 => up, 3 => (left + up) / 2, _ => 0 };
    }

    private static byte[] Deflate(byte[] raw)
    {
        using MemoryStream packed = new();
        using (ZLibStream stream = new(packed, CompressionLevel.Fastest))
        {
            stream.Write(raw);
        }

        return packed.ToArray();
    }

    private static byte[] Chunk(string type, byte[] data)
    {
        byte[] body = [.. Encoding.ASCII.GetBytes(type), .. data];
        byte[] ends = new byte[8];
        BinaryPrimitives.WriteInt32BigEndian(ends, data.Length);
        BinaryPrimitives.WriteUInt32BigEndian(ends.AsSpan(4), Crc(body));
        return [.. ends[..4], .. body, .. ends[4..]];
    }

    private static uint Crc(byte[] bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) == 1 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
            }
        }

        return ~crc;
    }
}
