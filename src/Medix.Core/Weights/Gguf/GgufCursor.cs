using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Medix.Runs;

namespace Medix.Weights.Gguf;

/// <summary>Reads a GGUF header from its bytes; nothing is allocated before the bytes for it are known to be there.</summary>
internal ref struct GgufCursor(ReadOnlySpan<byte> bytes, string file)
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly string _file = file;

    public int Position { get; private set; }

    public readonly long Left => _bytes.Length - Position;

    public uint UInt32(string what) => BinaryPrimitives.ReadUInt32LittleEndian(Take(4, what));

    public ulong UInt64(string what) => BinaryPrimitives.ReadUInt64LittleEndian(Take(8, what));

    /// <summary>A length in 64 bits, then UTF-8.</summary>
    public string Text(string what, int most = int.MaxValue)
    {
        int start = Position;
        ulong length = UInt64($"the length of {what}");
        if (length > (ulong)Left || length > (ulong)most)
        {
            string limit = (ulong)most < (ulong)Left ? $"at most {most}" : $"at most the {Left} bytes that are left";
            throw Fault($"{what} at byte {start} claims {length} bytes, expected {limit}");
        }

        try
        {
            return Strict.GetString(Take((int)length, what));
        }
        catch (DecoderFallbackException error)
        {
            throw Fault($"{what} at byte {start} is not UTF-8 ({error.Message.TrimEnd('.')})");
        }
    }

    /// <summary>A number of things to come, each of which takes at least <paramref name="leastBytes"/>.</summary>
    public int Count(string what, int leastBytes)
    {
        ulong count = UInt64(what);
        return count <= (ulong)Left / (ulong)leastBytes
            ? (int)count
            : throw Fault($"{what} is {count}, but only {Left} bytes are left and each takes at least {leastBytes}");
    }

    public GgufValue Value(string key)
    {
        GgufValueType type = Type($"the type of '{key}'");
        return type == GgufValueType.Array ? ArrayValue(key) : new(type, Scalar(type, key), type);
    }

    public readonly MedixException Fault(string what) => new($"{_file}: the GGUF header cannot be read: {what}. Fetch or convert the file again.");

    private GgufValueType Type(string what)
    {
        uint type = UInt32(what);
        return type <= (uint)GgufValueType.F64
            ? (GgufValueType)type
            : throw Fault($"{what} is {type}, expected a value type from 0 to {(int)GgufValueType.F64}");
    }

    private object Scalar(GgufValueType type, string key)
    {
        if (type == GgufValueType.Text)
        {
            return Text($"the value of '{key}'");
        }

        ReadOnlySpan<byte> at = Take(GgufValue.Width(type), $"the value of '{key}'");
        return type switch
        {
            GgufValueType.U8 => at[0],
            GgufValueType.I8 => (sbyte)at[0],
            GgufValueType.U16 => BinaryPrimitives.ReadUInt16LittleEndian(at),
            GgufValueType.I16 => BinaryPrimitives.ReadInt16LittleEndian(at),
            GgufValueType.U32 => BinaryPrimitives.ReadUInt32LittleEndian(at),
            GgufValueType.I32 => BinaryPrimitives.ReadInt32LittleEndian(at),
            GgufValueType.F32 => BinaryPrimitives.ReadSingleLittleEndian(at),
            GgufValueType.Bool => Bool(at[0], key),
            GgufValueType.U64 => BinaryPrimitives.ReadUInt64LittleEndian(at),
            GgufValueType.I64 => BinaryPrimitives.ReadInt64LittleEndian(at),
            _ => BinaryPrimitives.ReadDoubleLittleEndian(at),
        };
    }

    private GgufValue ArrayValue(string key)
    {
        GgufValueType element = Type($"the element type of '{key}'");
        if (element == GgufValueType.Array)
        {
            throw Fault($"'{key}' is an array of arrays, which no model file needs; expected an array of plain values");
        }

        int count = Count($"the number of elements of '{key}'", element == GgufValueType.Text ? 8 : GgufValue.Width(element));
        object values = element switch
        {
            GgufValueType.U8 => Numbers<byte>(count, key),
            GgufValueType.I8 => Numbers<sbyte>(count, key),
            GgufValueType.U16 => Numbers<ushort>(count, key),
            GgufValueType.I16 => Numbers<short>(count, key),
            GgufValueType.U32 => Numbers<uint>(count, key),
            GgufValueType.I32 => Numbers<int>(count, key),
            GgufValueType.F32 => Numbers<float>(count, key),
            GgufValueType.U64 => Numbers<ulong>(count, key),
            GgufValueType.I64 => Numbers<long>(count, key),
            GgufValueType.F64 => Numbers<double>(count, key),
            GgufValueType.Bool => Bools(count, key),
            _ => Texts(count, key),
        };
        return new(GgufValueType.Array, values, element);
    }

    private T[] Numbers<T>(int count, string key)
        where T : unmanaged
    {
        T[] values = new T[count];
        Take((long)count * Marshal.SizeOf<T>(), $"the elements of '{key}'").CopyTo(MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    private bool[] Bools(int count, string key)
    {
        ReadOnlySpan<byte> at = Take(count, $"the elements of '{key}'");
        bool[] values = new bool[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = Bool(at[i], key);
        }

        return values;
    }

    private string[] Texts(int count, string key)
    {
        string[] values = new string[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = Text(string.Create(CultureInfo.InvariantCulture, $"element {i} of '{key}'"));
        }

        return values;
    }

    private readonly bool Bool(byte value, string key) =>
        value <= 1 ? value == 1 : throw Fault($"'{key}' holds the truth value {value}, expected 0 or 1");

    private ReadOnlySpan<byte> Take(long length, string what)
    {
        if (length > Left)
        {
            throw Fault($"the file ends inside {what}, at byte {Position}: {length} bytes are needed and {Left} are left");
        }

        ReadOnlySpan<byte> taken = _bytes.Slice(Position, (int)length);
        Position += (int)length;
        return taken;
    }
}
