using System.Text.Json;
using Medix.Runs;

namespace Medix.Weights;

/// <summary>
/// Reads the JSON header of a safetensors file and holds it to the format's rules: every tensor lies inside the data section,
/// its bytes are exactly its shape's, and together the tensors cover the section without overlap or hole.
/// </summary>
internal sealed class SafetensorsHeader
{
    /// <summary>The reference reader's own bound; no real header comes near it.</summary>
    public const long MaxBytes = 100_000_000;

    private const int MaxRank = 16;
    private const long MaxDimension = 1L << 40;

    private readonly string _file;
    private readonly long _dataLength;

    private SafetensorsHeader(string file, long dataLength)
    {
        _file = file;
        _dataLength = dataLength;
    }

    public Dictionary<string, TensorInfo> Tensors { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    public static SafetensorsHeader Parse(ReadOnlyMemory<byte> json, string file, long dataLength)
    {
        SafetensorsHeader header = new(file, dataLength);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 8 });
            header.ReadEntries(document.RootElement);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // InvalidOperationException is what a name that is not valid Unicode gives.
            throw new MedixException($"{file}: the safetensors header is not valid JSON ({error.Message.TrimEnd('.')}). Fetch or save the file again.", error);
        }

        header.RequireCover();
        return header;
    }

    private void ReadEntries(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new MedixException(
                $"{_file}: the safetensors header is a JSON {root.ValueKind}, expected an object of tensors. "
                + "Fetch or save the file again.");
        }

        foreach (JsonProperty entry in root.EnumerateObject())
        {
            if (entry.Name == "__metadata__")
            {
                ReadMetadata(entry.Value);
            }
            else
            {
                Tensors.Add(entry.Name, ReadTensor(entry.Name, entry.Value));
            }
        }
    }

    private void ReadMetadata(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            throw new MedixException($"{_file}: __metadata__ is a JSON {value.ValueKind}, expected an object of strings. Save the file again.");
        }

        foreach (JsonProperty entry in value.EnumerateObject())
        {
            Metadata[entry.Name] = entry.Value.ValueKind == JsonValueKind.String
                ? entry.Value.GetString()!
                : throw new MedixException($"{_file}: __metadata__.{entry.Name} is {entry.Value.GetRawText()}, expected a string. Save the file again.");
        }
    }

    private TensorInfo ReadTensor(string name, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object
            || !value.TryGetProperty("dtype", out JsonElement type) || type.ValueKind != JsonValueKind.String
            || !value.TryGetProperty("shape", out JsonElement shape) || shape.ValueKind != JsonValueKind.Array
            || !value.TryGetProperty("data_offsets", out JsonElement offsets) || offsets.ValueKind != JsonValueKind.Array)
        {
            throw Fault(name, "its header entry lacks dtype, shape or data_offsets");
        }

        string dtype = type.GetString()!;
        if (!DTypes.TryBits(dtype, out int bits))
        {
            throw Fault(name, $"its dtype is '{dtype}', known are {DTypes.Known}");
        }

        long[] dimensions = ReadNumbers(name, "shape", shape, MaxRank);
        long[] range = ReadNumbers(name, "data_offsets", offsets, 2);
        if (range.Length != 2 || range[0] > range[1])
        {
            throw Fault(name, $"its data_offsets are {offsets.GetRawText()}, expected [begin, end] with begin ≤ end");
        }

        if (range[1] > _dataLength)
        {
            throw Fault(name, $"it ends at byte {range[1]} of a data section of {_dataLength} bytes: the file is cut short or its header is wrong");
        }

        RequireSize(name, dtype, bits, dimensions, range[1] - range[0]);
        return new TensorInfo(name, dtype, dimensions, range[0], range[1]);
    }

    private long[] ReadNumbers(string name, string field, JsonElement array, int most)
    {
        int count = array.GetArrayLength();
        if (count > most)
        {
            throw Fault(name, $"its {field} has {count} entries, at most {most} are accepted");
        }

        long[] numbers = new long[count];
        for (int i = 0; i < count; i++)
        {
            JsonElement item = array[i];
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out numbers[i]) || numbers[i] < 0)
            {
                throw Fault(name, $"its {field} is {array.GetRawText()}, expected integers from 0 to {long.MaxValue}");
            }
        }

        return numbers;
    }

    private void RequireSize(string name, string dtype, int bits, ReadOnlySpan<long> shape, long bytes)
    {
        UInt128 total = (UInt128)bits;
        foreach (long dimension in shape)
        {
            if (dimension > MaxDimension || total > (UInt128)long.MaxValue)
            {
                throw Fault(name, $"its shape {TensorInfo.ShapeToText(shape)} is too large for any file");
            }

            total *= (UInt128)dimension;
        }

        if (total != (UInt128)bytes * 8)
        {
            throw Fault(name, $"its shape {TensorInfo.ShapeToText(shape)} of {dtype} needs {(total + 7) / 8} bytes, its data_offsets hold {bytes}");
        }
    }

    private void RequireCover()
    {
        TensorInfo? previous = null;
        foreach (TensorInfo tensor in Tensors.Values.OrderBy(t => t.Begin).ThenBy(t => t.End))
        {
            long expected = previous?.End ?? 0;
            if (tensor.Begin < expected)
            {
                string other = $"'{previous!.Name}', which ends at {expected}";
                throw Fault(tensor.Name, $"it starts at byte {tensor.Begin} inside tensor {other}: tensors may not overlap");
            }

            if (tensor.Begin > expected)
            {
                throw Fault(tensor.Name, $"it starts at byte {tensor.Begin}, but the tensors before it end at {expected}: the format allows no unused bytes");
            }

            previous = tensor;
        }

        if ((previous?.End ?? 0) != _dataLength)
        {
            throw new MedixException(
                $"{_file}: its tensors end at byte {previous?.End ?? 0} of a data section of {_dataLength} bytes: the format allows no unused bytes. "
                + "Fetch or save the file again.");
        }
    }

    private MedixException Fault(string tensor, string what) => new($"{_file}: tensor '{tensor}' cannot be read: {what}. Fetch or save the file again.");
}
