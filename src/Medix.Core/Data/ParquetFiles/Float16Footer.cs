namespace Medix.Data;

/// <summary>
/// Parquet.Net 6.1 refuses a whole file when any of its columns is float16, though the column may be one nobody asks for.
/// This view of the file shows such columns as what they are physically, two plain bytes: in the footer the logical type's union field 15 (FLOAT16)
/// reads as 13 (BSON), which the library ignores for fixed-length columns. Nothing else differs.
/// </summary>
internal sealed class Float16Footer(Stream inner, IReadOnlyList<long> marks) : Stream
{
    // A compact-protocol field header is (id delta << 4 | type); both unions hold one empty struct.
    private const byte AsFloat16 = 0xFC;
    private const byte AsBson = 0xDC;

    /// <summary>Wraps the file if it has float16 columns, else returns it.</summary>
    public static Stream Wrap(Stream file, FooterRange footer)
    {
        file.Seek(footer.Offset, SeekOrigin.Begin);
        byte[] bytes = new byte[footer.Length];
        file.ReadExactly(bytes);
        List<long> marks = [.. Find(bytes).Select(offset => offset + footer.Offset)];
        return marks.Count == 0 ? file : new Float16Footer(file, marks);
    }

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => inner.Length;

    public override long Position { get => inner.Position; set => inner.Position = value; }

    public override int Read(Span<byte> buffer)
    {
        long start = inner.Position;
        int count = inner.Read(buffer);
        foreach (long mark in marks)
        {
            if (mark >= start && mark < start + count)
            {
                buffer[(int)(mark - start)] = AsBson;
            }
        }

        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override long Seek(long offset, SeekOrigin origin) => inner.Seek(offset, origin);

    public override void Flush() => inner.Flush();

    public override void SetLength(long value) => throw new NotSupportedException("This view of a file is for reading.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("This view of a file is for reading.");

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>Offsets in the footer of every FLOAT16 mark: FileMetaData.schema (field 2) → SchemaElement.logicalType (10) → union field 15.</summary>
    private static List<int> Find(byte[] footer)
    {
        List<int> found = [];
        ThriftStream thrift = new(new MemoryStream(footer, writable: false));
        for (int id = 0; thrift.NextField(ref id, out int type);)
        {
            if (id != 2 || type != ThriftStream.TypeList)
            {
                thrift.Skip(type);
                continue;
            }

            int count = thrift.ListHeader(out int _);
            for (int i = 0; i < count; i++)
            {
                FindInElement(thrift, footer, found);
            }
        }

        return found;
    }

    private static void FindInElement(ThriftStream thrift, byte[] footer, List<int> found)
    {
        for (int id = 0; thrift.NextField(ref id, out int type);)
        {
            if (id != 10 || type != ThriftStream.TypeStruct)
            {
                thrift.Skip(type);
                continue;
            }

            int union = (int)thrift.Position;
            if (union < footer.Length && footer[union] == AsFloat16)
            {
                found.Add(union);
            }

            thrift.Skip(type);
        }
    }
}
