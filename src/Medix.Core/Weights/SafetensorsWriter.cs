using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using Medix.Runs;

namespace Medix.Weights;

/// <summary>
/// Writes safetensors files as the reference writer lays them out (wider types first, then by name; header padded to 8 bytes), so that
/// equal tensors give equal bytes. Values may come piece by piece, so that no tensor need be in memory whole. The file appears under its name only when it
/// is whole, and what was there before stays until then.
/// </summary>
public static class SafetensorsWriter
{
    private static readonly JsonWriterOptions HeaderOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// Writes all tensors; <paramref name="metadata"/> is completed by <c>format: pt</c>, which other readers expect.
    /// Throws <see cref="MedixException"/> for a repeated name, an unknown dtype or bytes that do not fit the shape.
    /// </summary>
    public static void Write(string path, IReadOnlyList<TensorData> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        foreach (TensorData tensor in tensors.Where(tensor => DTypes.TryBits(tensor.DType, out _)))
        {
            if (tensor.Bytes.Length != StreamedTensor.Size(tensor.DType, tensor.Shape))
            {
                throw new MedixException(
                    $"{path}: tensor '{tensor.Name}' has {tensor.Bytes.Length} bytes, which do not fit {TensorInfo.ShapeToText(tensor.Shape)} of {tensor.DType}.");
            }
        }

        WriteStreamed(path, [.. tensors.Select(tensor => new StreamedTensor(tensor.Name, tensor.DType, tensor.Shape, stream => stream.Write(tensor.Bytes.Span)))], metadata);
    }

    /// <summary>The same for tensors that write themselves.</summary>
    public static void WriteStreamed(
        string path, IReadOnlyList<StreamedTensor> tensors, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default) =>
        WriteStreamed(path, tensors, metadata, file => new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16), cancellationToken);

    internal static void WriteStreamed(
        string path, IReadOnlyList<StreamedTensor> tensors, IReadOnlyDictionary<string, string>? metadata, Func<string, Stream> create, CancellationToken cancellationToken)
    {
        WritePartial(path, tensors, metadata, create, cancellationToken);
        File.Move(PartialName(path), path, overwrite: true);
    }

    /// <summary>Writes the file under its temporary name, <see cref="PartialName"/>, which goes again when it cannot be finished.</summary>
    internal static void WritePartial(
        string path, IReadOnlyList<StreamedTensor> tensors, IReadOnlyDictionary<string, string>? metadata, Func<string, Stream> create, CancellationToken cancellationToken)
    {
        HashSet<string> names = new(StringComparer.Ordinal) { "__metadata__" };
        foreach (StreamedTensor tensor in tensors)
        {
            Check(path, tensor, names);
        }

        StreamedTensor[] ordered = [.. tensors.OrderByDescending(t => DTypes.Rank(t.DType)).ThenBy(t => t.Name, StringComparer.Ordinal)];
        byte[] header = Header(ordered, metadata ?? new Dictionary<string, string>());
        string partial = PartialName(path);
        bool whole = false;
        try
        {
            using Stream stream = create(partial);
            WriteFile(stream, path, header, ordered, cancellationToken);
            whole = true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            long bytes = 8 + header.Length + ordered.Sum(tensor => tensor.Bytes);
            throw new MedixException(
                $"{path}: the weights, {bytes} bytes, could not be written ({error.Message.TrimEnd('.')}). What was there before is untouched. "
                    + $"Check the folder and its free space.", error);
        }
        finally
        {
            if (!whole && File.Exists(partial))
            {
                File.Delete(partial);
            }
        }
    }

    internal static string PartialName(string path) => path + ".partial";

    private static void Check(string path, StreamedTensor tensor, HashSet<string> names)
    {
        if (!names.Add(tensor.Name))
        {
            throw new MedixException($"{path}: tensor '{tensor.Name}' is given twice or has a reserved name. Give every tensor its own name.");
        }

        if (!DTypes.TryBits(tensor.DType, out _))
        {
            throw new MedixException($"{path}: tensor '{tensor.Name}' has dtype '{tensor.DType}', known are {DTypes.Known}.");
        }

        if (tensor.Bytes < 0)
        {
            throw new MedixException($"{path}: tensor '{tensor.Name}' has the shape {TensorInfo.ShapeToText(tensor.Shape)}, which no {tensor.DType} tensor of whole bytes has.");
        }
    }

    private static byte[] Header(StreamedTensor[] tensors, IReadOnlyDictionary<string, string> metadata)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer, HeaderOptions))
        {
            json.WriteStartObject();
            WriteMetadata(json, metadata);
            long position = 0;
            foreach (StreamedTensor tensor in tensors)
            {
                WriteEntry(json, tensor, position);
                position += tensor.Bytes;
            }

            json.WriteEndObject();
        }

        int padding = -buffer.WrittenCount & 7;
        buffer.GetSpan(padding)[..padding].Fill((byte)' ');
        buffer.Advance(padding);
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteMetadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string> metadata)
    {
        json.WriteStartObject("__metadata__");
        IEnumerable<KeyValuePair<string, string>> entries = metadata.ContainsKey("format") ? metadata : metadata.Append(new("format", "pt"));
        foreach (KeyValuePair<string, string> entry in entries.OrderBy(e => e.Key, StringComparer.Ordinal))
        {
            json.WriteString(entry.Key, entry.Value);
        }

        json.WriteEndObject();
    }

    private static void WriteEntry(Utf8JsonWriter json, StreamedTensor tensor, long position)
    {
        json.WriteStartObject(tensor.Name);
        json.WriteString("dtype", tensor.DType);
        json.WriteStartArray("shape");
        foreach (long dimension in tensor.Shape)
        {
            json.WriteNumberValue(dimension);
        }

        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(position);
        json.WriteNumberValue(position + tensor.Bytes);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteFile(Stream stream, string path, byte[] header, StreamedTensor[] tensors, CancellationToken cancellationToken)
    {
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (StreamedTensor tensor in tensors)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long before = stream.Position;
            tensor.Write(stream);
            if (stream.Position - before != tensor.Bytes)
            {
                throw new InvalidOperationException($"{path}: tensor '{tensor.Name}' wrote {stream.Position - before} bytes, its shape has {tensor.Bytes}.");
            }
        }

        // The rename must not become durable before the bytes are.
        stream.Flush();
        if (stream is FileStream file)
        {
            file.Flush(flushToDisk: true);
        }
    }
}
