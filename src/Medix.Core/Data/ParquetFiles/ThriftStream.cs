namespace Medix.Data;

/// <summary>
/// Reads just enough of Thrift's compact protocol to walk Parquet's page headers and footer without allocating what they claim.
/// Every fault is an <see cref="InvalidDataException"/>.
/// </summary>
internal sealed class ThriftStream(Stream stream)
{
    private const int MaxDepth = 32;

    public const int TypeI32 = 5;
    public const int TypeList = 9;
    public const int TypeStruct = 12;

    /// <summary>The stream's position: the next byte to be read.</summary>
    public long Position => stream.Position;

    /// <summary>The next field of the struct being read, or false at its end. <paramref name="id"/> holds the last field's id and takes the new one.</summary>
    public bool NextField(ref int id, out int type)
    {
        int head = Byte();
        type = head & 0x0F;
        if (head == 0)
        {
            return false;
        }

        id = head >> 4 == 0 ? (int)ZigZag() : id + (head >> 4);
        return true;
    }

    /// <summary>A zigzag integer that must fit 32 bits.</summary>
    public int Int32()
    {
        long value = ZigZag();
        return value is >= int.MinValue and <= int.MaxValue ? (int)value : throw new InvalidDataException($"integer {value} does not fit 32 bits");
    }

    /// <summary>A list's length and the type of its elements.</summary>
    public int ListHeader(out int elementType)
    {
        int head = Byte();
        elementType = head & 0x0F;
        ulong size = head >> 4 == 15 ? Varint() : (ulong)(head >> 4);
        return size <= int.MaxValue ? (int)size : throw new InvalidDataException($"list of {size} elements");
    }

    /// <summary>Skips one value of a type.</summary>
    public void Skip(int type, int depth = 0)
    {
        if (depth > MaxDepth)
        {
            throw new InvalidDataException("structures nested too deeply");
        }

        switch (type)
        {
            case 1 or 2:
                break; // a boolean field's value is its type
            case 3:
                Byte();
                break;
            case 4 or 5 or 6:
                Varint();
                break;
            case 7:
                Advance(8);
                break;
            case 8:
                Advance(Varint());
                break;
            case 9 or 10:
                SkipList(depth);
                break;
            case TypeStruct:
                for (int id = 0; NextField(ref id, out int field);)
                {
                    Skip(field, depth + 1);
                }

                break;
            default:
                throw new InvalidDataException($"unknown type {type}");
        }
    }

    private void SkipList(int depth)
    {
        int count = ListHeader(out int type);
        for (int i = 0; i < count; i++)
        {
            // Unlike a boolean field, a boolean element is one byte.
            Skip(type is 1 or 2 ? 3 : type, depth + 1);
        }
    }

    private long ZigZag()
    {
        ulong value = Varint();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            int next = Byte();
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw new InvalidDataException("integer longer than 64 bits");
    }

    private void Advance(ulong bytes)
    {
        if (bytes > (ulong)(stream.Length - stream.Position))
        {
            throw new InvalidDataException($"a value of {bytes} bytes goes past the end");
        }

        stream.Seek((long)bytes, SeekOrigin.Current);
    }

    private int Byte()
    {
        int value = stream.ReadByte();
        return value >= 0 ? value : throw new InvalidDataException("the data ends in the middle of a value");
    }
}
