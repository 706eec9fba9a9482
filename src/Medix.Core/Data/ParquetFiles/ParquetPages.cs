using Parquet.Meta;

namespace Medix.Data;

/// <summary>
/// Walks the pages of a column chunk before they are decoded: offsets and sizes must lie inside the chunk, and a page's CRC, where it has one,
/// must be right (Parquet.Net 6.1 reads the field and ignores it).
/// </summary>
internal static class ParquetPages
{
    private const int MaxPageBytes = 1 << 30;

    // The decoder allocates by these counts before it reads a value, and a few bytes of run lengths can claim billions.
    private const int MaxValues = 1 << 26;

    /// <summary>Checks one chunk; <paramref name="end"/> is where the footer begins.</summary>
    /// <exception cref="InvalidDataException">A page is damaged or a size is impossible.</exception>
    public static void Check(Stream file, ColumnMetaData chunk, long end)
    {
        long start = chunk.DictionaryPageOffset is > 0 and var offset && offset < chunk.DataPageOffset ? offset : chunk.DataPageOffset;
        if (start < 4 || chunk.TotalCompressedSize < 0 || start > end || chunk.TotalCompressedSize > end - start)
        {
            throw new InvalidDataException($"its data ({chunk.TotalCompressedSize} bytes at {start}) does not lie inside the file");
        }

        if (chunk.NumValues is < 0 or > MaxValues)
        {
            throw new InvalidDataException($"it claims {chunk.NumValues} values in one row group, at most {MaxValues} are read");
        }

        long stop = start + chunk.TotalCompressedSize;
        byte[] buffer = new byte[1 << 16];
        ThriftStream thrift = new(file);
        long values = 0;
        for (long position = start; position < stop;)
        {
            file.Seek(position, SeekOrigin.Begin);
            PageFrame page = ReadHeader(thrift);
            position = thrift.Position + page.CompressedBytes;
            if (page.CompressedBytes < 0 || page.UncompressedBytes is < 0 or > MaxPageBytes || position > stop)
            {
                throw new InvalidDataException(
                    $"a page claims {page.CompressedBytes} bytes ({page.UncompressedBytes} unpacked), more than there is or than is read");
            }

            if (page.Crc is { } expected && Checksum(file, page.CompressedBytes, buffer) is var actual && actual != (uint)expected)
            {
                throw new InvalidDataException($"the page at byte {position - page.CompressedBytes} has checksum {actual:X8}, written was {(uint)expected:X8}");
            }

            values += page.Values;
        }

        if (values != chunk.NumValues)
        {
            throw new InvalidDataException($"its pages hold {values} values, the footer says {chunk.NumValues}");
        }
    }

    private static PageFrame ReadHeader(ThriftStream thrift)
    {
        int uncompressed = -1, compressed = -1, values = 0;
        int? crc = null;
        for (int id = 0; thrift.NextField(ref id, out int type);)
        {
            switch (id, type)
            {
                case (2, ThriftStream.TypeI32):
                    uncompressed = thrift.Int32();
                    break;
                case (3, ThriftStream.TypeI32):
                    compressed = thrift.Int32();
                    break;
                case (4, ThriftStream.TypeI32):
                    crc = thrift.Int32();
                    break;
                case (5 or 8, ThriftStream.TypeStruct): // data page header, version 1 or 2
                    values = ReadValueCount(thrift);
                    break;
                default:
                    thrift.Skip(type);
                    break;
            }
        }

        return new PageFrame(uncompressed, compressed, crc, values);
    }

    private static int ReadValueCount(ThriftStream thrift)
    {
        int values = 0;
        for (int id = 0; thrift.NextField(ref id, out int type);)
        {
            if (id == 1 && type == ThriftStream.TypeI32)
            {
                values = thrift.Int32();
            }
            else
            {
                thrift.Skip(type);
            }
        }

        return values >= 0 ? values : throw new InvalidDataException($"a page claims {values} values");
    }

    private static uint Checksum(Stream file, int count, byte[] buffer)
    {
        uint crc = 0;
        while (count > 0)
        {
            Span<byte> part = buffer.AsSpan(0, Math.Min(count, buffer.Length));
            file.ReadExactly(part);
            crc = Crc32.Append(crc, part);
            count -= part.Length;
        }

        return crc;
    }

    private readonly record struct PageFrame(int UncompressedBytes, int CompressedBytes, int? Crc, int Values);
}
