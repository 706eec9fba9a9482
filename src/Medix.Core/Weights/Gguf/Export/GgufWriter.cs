using System.Text;
using Medix.Runs;
using Medix.Weights.Gguf.Quantisation;

namespace Medix.Weights.Gguf.Export;

/// <summary>
/// One tensor to be written that produces its own bytes: <paramref name="Write"/> puts exactly as many as the row-major <paramref name="Shape"/> has in this
/// format into the stream, in pieces of its choice.
/// </summary>
public sealed record GgufStreamedTensor(string Name, BlockFormat Format, long[] Shape, Action<Stream> Write)
{
    /// <summary>Number of values.</summary>
    public long Count => Shape.Aggregate(1L, (product, side) => checked(product * side));

    /// <summary>Bytes in the file, without the padding after it.</summary>
    public long Bytes => Format.BytesOf(Count);
}

/// <summary>
/// Writes GGUF files (version 3, little-endian) as llama.cpp's own writers lay them out: metadata and tensors in the order given, every tensor at a multiple of
/// 32 bytes and padded to one. The file appears under its name only when it is whole, and what was there before stays until then.
/// </summary>
public static class GgufWriter
{
    private const uint Magic = 0x46554747, Version = 3, Alignment = 32;
    private const int MaxName = 63, MaxRank = 4, BufferBytes = 1 << 16;

    /// <summary>Writes a file.</summary>
    /// <exception cref="MedixException">
    /// A name is repeated or too long, a shape does not fit its format, or the file cannot be written, for want of room for one; nothing is left then.
    /// </exception>
    public static void Write(
        string path, IReadOnlyList<KeyValuePair<string, GgufValue>> metadata, IReadOnlyList<GgufStreamedTensor> tensors, CancellationToken cancellationToken = default) =>
        Write(path, metadata, tensors, Create, cancellationToken);

    internal static void Write(
        string path, IReadOnlyList<KeyValuePair<string, GgufValue>> metadata, IReadOnlyList<GgufStreamedTensor> tensors, Func<string, long, Stream> create,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        ArgumentNullException.ThrowIfNull(tensors);
        Check(path, metadata, tensors);
        byte[] header = Header(metadata, tensors);
        long bytes = header.Length + tensors.Sum(tensor => GgufHeader.Align(tensor.Bytes, Alignment));
        string partial = path + ".partial";
        bool ours = false;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            using (Stream stream = create(partial, bytes))
            {
                ours = true;
                WriteFile(stream, path, header, tensors, cancellationToken);
            }

            File.Move(partial, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MedixException(
                $"{path}: the file, {bytes} bytes, could not be written ({error.Message.TrimEnd('.')}). "
                    + "What was there before is untouched. Check the folder and its free space.", error);
        }
        finally
        {
            if (ours && File.Exists(partial))
            {
                File.Delete(partial);
            }
        }
    }

    /// <summary>Takes the room at once: a full disk is found before hours of work.</summary>
    private static FileStream Create(string path, long bytes) => new(
        path, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, Share = FileShare.None, BufferSize = BufferBytes, PreallocationSize = bytes });

    private static void Check(string path, IReadOnlyList<KeyValuePair<string, GgufValue>> metadata, IReadOnlyList<GgufStreamedTensor> tensors)
    {
        if (metadata.GroupBy(pair => pair.Key, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } key)
        {
            throw new MedixException($"{path}: the metadata key '{key.Key}' is given twice. Give every key one value.");
        }

        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (GgufStreamedTensor tensor in tensors)
        {
            string shape = TensorInfo.ShapeToText(tensor.Shape);
            if (!names.Add(tensor.Name) || Encoding.UTF8.GetByteCount(tensor.Name) is 0 or > MaxName)
            {
                throw new MedixException($"{path}: the tensor name '{tensor.Name}' is given twice, empty or longer than {MaxName} bytes. Give every tensor a name of its own.");
            }

            if (tensor.Shape.Length is 0 or > MaxRank || tensor.Shape.Any(side => side <= 0))
            {
                throw new MedixException($"{path}: tensor '{tensor.Name}' has the shape {shape}, expected 1 to {MaxRank} dimensions of at least 1.");
            }

            if (tensor.Shape[^1] % tensor.Format.BlockValues != 0)
            {
                throw new MedixException($"{path}: tensor '{tensor.Name}' {shape} cannot be {tensor.Format.Name}, whose rows are multiples of {tensor.Format.BlockValues} values.");
            }
        }
    }

    private static byte[] Header(IReadOnlyList<KeyValuePair<string, GgufValue>> metadata, IReadOnlyList<GgufStreamedTensor> tensors)
    {
        using MemoryStream memory = new();
        using BinaryWriter writer = new(memory, Encoding.UTF8, leaveOpen: true);
        writer.Write(Magic);
        writer.Write(Version);
        writer.Write((ulong)tensors.Count);
        writer.Write((ulong)metadata.Count);
        foreach ((string key, GgufValue value) in metadata)
        {
            WriteText(writer, key);
            WriteValue(writer, value);
        }

        long offset = 0;
        foreach (GgufStreamedTensor tensor in tensors)
        {
            WriteText(writer, tensor.Name);
            writer.Write((uint)tensor.Shape.Length);
            foreach (long side in tensor.Shape.Reverse())
            {
                writer.Write((ulong)side);
            }

            writer.Write((uint)tensor.Format.Id);
            writer.Write((ulong)offset);
            offset = GgufHeader.Align(offset + tensor.Bytes, Alignment);
        }

        writer.Flush();
        memory.SetLength(GgufHeader.Align(memory.Length, Alignment));
        return memory.ToArray();
    }

    private static void WriteValue(BinaryWriter writer, GgufValue value)
    {
        writer.Write((uint)value.Type);
        if (value.Type != GgufValueType.Array)
        {
            WriteScalar(writer, value.Value);
            return;
        }

        Array elements = (Array)value.Value;
        writer.Write((uint)value.Element);
        writer.Write((ulong)elements.Length);
        foreach (object element in elements)
        {
            WriteScalar(writer, element);
        }
    }

    private static void WriteScalar(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case string text: WriteText(writer, text); break;
            case bool flag: writer.Write(flag); break;
            case byte n: writer.Write(n); break;
            case sbyte n: writer.Write(n); break;
            case ushort n: writer.Write(n); break;
            case short n: writer.Write(n); break;
            case uint n: writer.Write(n); break;
            case int n: writer.Write(n); break;
            case float n: writer.Write(n); break;
            case ulong n: writer.Write(n); break;
            case long n: writer.Write(n); break;
            case double n: writer.Write(n); break;
            default: throw new ArgumentException($"GGUF metadata cannot hold a {value.GetType().Name}.");
        }
    }

    private static void WriteText(BinaryWriter writer, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private static void WriteFile(Stream stream, string path, byte[] header, IReadOnlyList<GgufStreamedTensor> tensors, CancellationToken cancellationToken)
    {
        ReadOnlySpan<byte> zeros = stackalloc byte[(int)Alignment];
        stream.Write(header);
        foreach (GgufStreamedTensor tensor in tensors)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long before = stream.Position;
            tensor.Write(stream);
            long written = stream.Position - before;
            if (written != tensor.Bytes)
            {
                throw new InvalidOperationException($"{path}: tensor '{tensor.Name}' wrote {written} bytes, its shape has {tensor.Bytes}.");
            }

            stream.Write(zeros[..(int)(GgufHeader.Align(written, Alignment) - written)]);
        }

        // The rename must not become durable before the bytes are.
        stream.Flush();
        (stream as FileStream)?.Flush(flushToDisk: true);
    }
}
