using System.Numerics;
using System.Text;
using Medix.Weights.Gguf.Quantisation;

namespace Medix.Weights.Gguf;

/// <summary>
/// The header of a GGUF file of version 2 or 3, held to the format's rules: every tensor lies inside the file, aligned, and the next one begins where one ends.
/// Bytes after the last tensor are allowed, and so is its missing padding; some writers leave either.
/// </summary>
internal sealed class GgufHeader
{
    private const uint Magic = 0x46554747;
    private const int MaxKey = 65535;
    private const int MaxName = 63;
    private const int MaxRank = 4;
    private const uint MaxAlignment = 1 << 20;
    private const string AlignmentKey = "general.alignment";

    private GgufHeader(string file) => Metadata = new GgufMetadata(file);

    public uint Version { get; private set; }

    public GgufMetadata Metadata { get; }

    public Dictionary<string, GgufTensor> Tensors { get; } = new(StringComparer.Ordinal);

    /// <summary>Names in the file's order.</summary>
    public List<string> Order { get; } = [];

    public long DataStart { get; private set; }

    /// <summary>Reads the header from the file's first bytes (all of them, or as many as a span can hold).</summary>
    public static GgufHeader Parse(ReadOnlySpan<byte> bytes, string file, long fileLength)
    {
        GgufCursor cursor = new(bytes, file);
        GgufHeader header = new(file);
        header.ReadStart(ref cursor, out int tensors, out int values);
        for (int i = 0; i < values; i++)
        {
            int start = cursor.Position;
            string key = cursor.Text($"metadata key {i}", MaxKey);
            if (!header.Metadata.TryAdd(key, cursor.Value(key)))
            {
                throw cursor.Fault($"the metadata key '{key}' at byte {start} is there twice");
            }
        }

        uint alignment = header.Alignment(ref cursor);
        for (int i = 0; i < tensors; i++)
        {
            GgufTensor tensor = ReadTensor(ref cursor, i, alignment);
            if (!header.Tensors.TryAdd(tensor.Name, tensor))
            {
                throw cursor.Fault($"the tensor '{tensor.Name}' is there twice");
            }

            header.Order.Add(tensor.Name);
        }

        header.DataStart = Align(cursor.Position, alignment);
        header.RequireCover(ref cursor, fileLength - header.DataStart, alignment);
        return header;
    }

    public static long Align(long position, uint alignment) => (position + alignment - 1) / alignment * alignment;

    private void ReadStart(ref GgufCursor cursor, out int tensors, out int values)
    {
        uint magic = cursor.UInt32("the magic");
        if (magic != Magic)
        {
            throw cursor.Fault($"it begins with 0x{magic:X8}, expected \"GGUF\" (0x{Magic:X8}); it is no GGUF file");
        }

        Version = cursor.UInt32("the version");
        if (Version is < 2 or > 3)
        {
            string swapped = BitConverter.IsLittleEndian && (Version & 0xFFFF) == 0 && Version != 0 ? " (the file is big-endian)" : "";
            throw cursor.Fault($"its version is {Version}{swapped}, expected 2 or 3");
        }

        // A tensor takes at least a name, a rank, a dimension, a type and an offset; a value a key, a type and a byte.
        const int leastTensor = 8 + 1 + 4 + 8 + 4 + 8, leastValue = 8 + 4 + 1;
        ulong count = cursor.UInt64("the number of tensors");
        values = cursor.Count("the number of metadata values", leastValue);
        tensors = count <= (ulong)cursor.Left / leastTensor
            ? (int)count
            : throw cursor.Fault($"the number of tensors is {count}, but only {cursor.Left} bytes are left and each takes at least {leastTensor}");
    }

    private uint Alignment(ref GgufCursor cursor)
    {
        if (!Metadata.TryGet(AlignmentKey, out GgufValue? value))
        {
            return 32;
        }

        return value.Value is uint alignment && BitOperations.IsPow2(alignment) && alignment <= MaxAlignment
            ? alignment
            : throw cursor.Fault($"{AlignmentKey} is {value.Show()} ({value.Type}), expected a power of two up to {MaxAlignment} (U32)");
    }

    private static GgufTensor ReadTensor(ref GgufCursor cursor, int index, uint alignment)
    {
        string name = cursor.Text($"the name of tensor {index}");
        if (Encoding.UTF8.GetByteCount(name) is 0 or > MaxName)
        {
            throw cursor.Fault($"the name of tensor {index} has {Encoding.UTF8.GetByteCount(name)} bytes, expected 1 to {MaxName}");
        }

        long[] shape = ReadShape(ref cursor, name);
        uint type = cursor.UInt32($"the type of tensor '{name}'");
        BlockFormat format = (type <= int.MaxValue ? BlockFormats.Find((int)type) : null)
            ?? throw cursor.Fault($"tensor '{name}' has type number {type}; known are {string.Join(", ", BlockFormats.All.Select(known => $"{known.Name} ({known.Id})"))}");
        if (shape[^1] % format.BlockValues != 0)
        {
            throw cursor.Fault($"tensor '{name}' {TensorInfo.ShapeToText(shape)} is {format.Name}, whose rows are multiples of {format.BlockValues} values");
        }

        ulong offset = cursor.UInt64($"the offset of tensor '{name}'");
        return offset % alignment == 0 && offset <= long.MaxValue
            ? new(name, format, shape, (long)offset)
            : throw cursor.Fault($"tensor '{name}' is at offset {offset}, expected a multiple of the alignment {alignment}");
    }

    private static long[] ReadShape(ref GgufCursor cursor, string name)
    {
        uint rank = cursor.UInt32($"the rank of tensor '{name}'");
        if (rank is 0 or > MaxRank)
        {
            throw cursor.Fault($"tensor '{name}' has {rank} dimensions, expected 1 to {MaxRank}");
        }

        long[] shape = new long[rank];
        UInt128 count = 1;
        for (int i = 0; i < shape.Length; i++)
        {
            ulong side = cursor.UInt64($"dimension {i} of tensor '{name}'");
            count = side is 0 or > long.MaxValue ? UInt128.MaxValue : count * side;
            if (count > long.MaxValue / 8)
            {
                throw cursor.Fault($"tensor '{name}' has a dimension of {side}, which makes a size no file can have");
            }

            shape[^(i + 1)] = (long)side;
        }

        return shape;
    }

    private void RequireCover(ref GgufCursor cursor, long dataLength, uint alignment)
    {
        long expected = 0;
        string before = "the start of the data";
        foreach (GgufTensor tensor in Tensors.Values.OrderBy(tensor => tensor.Offset))
        {
            if (tensor.Offset > dataLength - tensor.Bytes)
            {
                throw cursor.Fault(
                    $"tensor '{tensor.Name}' {tensor.ShapeText} {tensor.Format.Name} takes {tensor.Bytes} bytes from offset {tensor.Offset}, "
                    + $"but the data section has {Math.Max(0, dataLength)}: "
                    + "the file is cut short or its header is wrong");
            }

            if (tensor.Offset != expected)
            {
                throw cursor.Fault(
                    $"tensor '{tensor.Name}' is at offset {tensor.Offset}, expected {expected}, after {before}: tensors may neither overlap nor leave holes");
            }

            expected = Align(tensor.Offset + tensor.Bytes, alignment);
            before = $"tensor '{tensor.Name}'";
        }
    }
}
