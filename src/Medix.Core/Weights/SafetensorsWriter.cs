using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using Medix.Runs;

namespace Medix.Weights;

/// <summary>
/// Writes safetensors files as the reference writer lays them out (wider types first, then by name; header padded to 8 bytes), so that
/// equal tensors give equal bytes. The file appears under its name only when it is whole.
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
        HashSet<string> names = new(StringComparer.Ordinal) { "__metadata__" };
        foreach (TensorData tensor in tensors)
        {
            Check(path, tensor, names);
        }

        TensorData[] ordered = [.. tensors.OrderByDescending(t => DTypes.Rank(t.DType)).ThenBy(t => t.Name, StringComparer.Ordinal)];
        byte[] header = Header(ordered, metadata ?? new Dictionary<string, string>());
        string partial = path + ".partial";
        try
        {
            WriteFile(partial, header, ordered);
            File.Move(partial, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MedixException($"{path}: the weights could not be written ({error.Message.TrimEnd('.')}). Check the folder and its free space.", error);
        }
        finally
        {
            if (File.Exists(partial))
            {
                File.Delete(partial);
            }
        }
    }

    private static void Check(string path, TensorData tensor, HashSet<string> names)
    {
        if (!names.Add(tensor.Name))
        {
            throw new MedixException($"{path}: tensor '{tensor.Name}' is given twice or has a reserved name. Give every tensor its own name.");
        }

        if (!DTypes.TryBits(tensor.DType, out int bits))
        {
            throw new MedixException($"{path}: tensor '{tensor.Name}' has dtype '{tensor.DType}', known are {DTypes.Known}.");
        }

        Int128 expected = bits;
        foreach (long dimension in tensor.Shape)
        {
            expected = dimension < 0 || expected > long.MaxValue ? -1 : expected * dimension;
        }

        if (expected != (Int128)tensor.Bytes.Length * 8)
        {
            throw new MedixException(
                $"{path}: tensor '{tensor.Name}' has {tensor.Bytes.Length} bytes, which do not fit {TensorInfo.ShapeToText(tensor.Shape)} of {tensor.DType}.");
        }
    }

    private static byte[] Header(TensorData[] tensors, IReadOnlyDictionary<string, string> metadata)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer, HeaderOptions))
        {
            json.WriteStartObject();
            WriteMetadata(json, metadata);
            long position = 0;
            foreach (TensorData tensor in tensors)
            {
                WriteEntry(json, tensor, position);
                position += tensor.Bytes.Length;
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

    private static void WriteEntry(Utf8JsonWriter json, TensorData tensor, long position)
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
        json.WriteNumberValue(position + tensor.Bytes.Length);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteFile(string path, byte[] header, TensorData[] tensors)
    {
        using FileStream stream = new(path, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (TensorData tensor in tensors)
        {
            stream.Write(tensor.Bytes.Span);
        }

        // The rename must not become durable before the bytes are.
        stream.Flush(flushToDisk: true);
    }
}
