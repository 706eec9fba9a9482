using System.Buffers.Binary;
using System.IO.Compression;
using Medix.Runs;

namespace Medix.Imaging;

/// <summary>
/// 16-bit grey PNG, with or without alpha, interlaced or not. Such pictures are mostly radiographs that use part of the 16 bits; Skia keeps
/// only their upper eight, which turns them black. Here the range between the smallest and the largest value becomes 0…255.
/// </summary>
internal sealed class Grey16PngDecoder : IImageDecoder
{
    // Adam7: first column, first row, column step, row step of each pass.
    private static readonly (int X, int Y, int Dx, int Dy)[] Interlaced =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    public bool CanDecode(ReadOnlySpan<byte> bytes) =>
        PngChunks.TryHeader(bytes, out ReadOnlySpan<byte> header) && header[8] == 16 && header[9] is 0 or 4;

    public ImageSize ReadSize(ReadOnlyMemory<byte> bytes, string name)
    {
        PngChunks.TryHeader(bytes.Span, out ReadOnlySpan<byte> header);
        uint width = BinaryPrimitives.ReadUInt32BigEndian(header);
        uint height = BinaryPrimitives.ReadUInt32BigEndian(header[4..]);
        return width is > 0 and <= int.MaxValue && height is > 0 and <= int.MaxValue && header[10] == 0 && header[11] == 0 && header[12] <= 1
            ? new ImageSize((int)width, (int)height)
            : throw Damaged(name, "its header is damaged");
    }

    public RgbImage Decode(ReadOnlyMemory<byte> bytes, string name)
    {
        ImageSize size = ReadSize(bytes, name);
        ReadOnlySpan<byte> header = bytes.Span[16..29];
        bool alpha = header[9] == 4;
        byte[] packed = Collect(bytes, name, out int transparent);
        ushort[] grey = new ushort[checked(size.Width * size.Height)];
        ushort[]? opacity = alpha ? new ushort[grey.Length] : null;
        using (ZLibStream stream = new(new MemoryStream(packed), CompressionMode.Decompress))
        {
            try
            {
                foreach ((int X, int Y, int Dx, int Dy) pass in header[12] == 1 ? Interlaced : [(0, 0, 1, 1)])
                {
                    ReadPass(stream, size, pass, grey, opacity, name);
                }
            }
            catch (Exception error) when (error is InvalidDataException or EndOfStreamException)
            {
                throw Damaged(name, error is EndOfStreamException ? "it is cut short" : "its data is damaged", error);
            }
        }

        return new RgbImage(size.Width, size.Height, ToRgb(grey, opacity, transparent));
    }

    private static byte[] Collect(ReadOnlyMemory<byte> bytes, string name, out int transparent)
    {
        transparent = -1;
        using MemoryStream packed = new();
        int position = PngChunks.Signature.Length;
        while (PngChunks.TryNext(bytes, ref position, out ReadOnlySpan<byte> type, out ReadOnlyMemory<byte> data))
        {
            if (type.SequenceEqual("IEND"u8))
            {
                return packed.ToArray();
            }

            if (type.SequenceEqual("IDAT"u8))
            {
                packed.Write(data.Span);
            }
            else if (type.SequenceEqual("tRNS"u8) && data.Length == 2)
            {
                transparent = BinaryPrimitives.ReadUInt16BigEndian(data.Span);
            }
        }

        throw Damaged(name, "it is cut short or a checksum is wrong");
    }

    private static void ReadPass(
        Stream stream, ImageSize size, (int X, int Y, int Dx, int Dy) pass, ushort[] grey, ushort[]? opacity, string name)
    {
        int columns = (size.Width - pass.X + pass.Dx - 1) / pass.Dx;
        if (columns <= 0)
        {
            return;
        }

        int step = opacity is null ? 2 : 4;
        byte[] line = new byte[checked((columns * step) + 1)];
        byte[] above = new byte[line.Length];
        for (int y = pass.Y; y < size.Height; y += pass.Dy)
        {
            stream.ReadExactly(line);
            Unfilter(line, above, step, name);
            for (int column = 0, at = (y * size.Width) + pass.X; column < columns; column++, at += pass.Dx)
            {
                ReadOnlySpan<byte> sample = line.AsSpan(1 + (column * step), step);
                grey[at] = BinaryPrimitives.ReadUInt16BigEndian(sample);
                if (opacity is not null)
                {
                    opacity[at] = BinaryPrimitives.ReadUInt16BigEndian(sample[2..]);
                }
            }

            (line, above) = (above, line);
        }
    }

    /// <summary>Undoes the line's filter in place; the filter's number is the first byte.</summary>
    private static void Unfilter(Span<byte> line, ReadOnlySpan<byte> above, int step, string name)
    {
        int filter = line[0];
        if (filter > 4)
        {
            throw Damaged(name, $"a line has the unknown filter {filter}");
        }

        for (int i = 1; i < line.Length; i++)
        {
            int left = i > step ? line[i - step] : 0;
            int corner = i > step ? above[i - step] : 0;
            line[i] += filter switch
            {
                1 => (byte)left,
                2 => above[i],
                3 => (byte)((left + above[i]) >> 1),
                4 => Paeth(left, above[i], corner),
                _ => 0,
            };
        }
    }

    private static byte Paeth(int left, int up, int corner)
    {
        int toLeft = Math.Abs(up - corner);
        int toUp = Math.Abs(left - corner);
        int toCorner = Math.Abs(left + up - corner - corner);
        return (byte)(toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner);
    }

    private static byte[] ToRgb(ushort[] grey, ushort[]? opacity, int transparent)
    {
        int low = grey.Min();
        int range = grey.Max() - low;
        if (range == 0)
        {
            // One value has no range: it keeps its place in the full one.
            (low, range) = (0, ushort.MaxValue);
        }

        byte[] rgb = GC.AllocateUninitializedArray<byte>(checked(grey.Length * 3));
        for (int i = 0; i < grey.Length; i++)
        {
            double value = (grey[i] - low) * 255.0 / range;
            double visible = grey[i] == transparent ? 0 : opacity is null ? 1 : opacity[i] / 65535.0;
            byte level = (byte)(255.5 - ((255.0 - value) * visible));
            rgb.AsSpan(i * 3, 3).Fill(level);
        }

        return rgb;
    }

    private static MedixException Damaged(string name, string what, Exception? inner = null) =>
        new($"{name}: the 16-bit PNG cannot be decoded: {what}. Fetch or export the picture again.", inner!);
}
