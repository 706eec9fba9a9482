using System.Security.Cryptography;
using System.Text.Json;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Weights;
using Microsoft.Win32.SafeHandles;

namespace Medix.Inference.Packed;

/// <summary>
/// Writes a packed file part by part, in any order: the table is laid out first, so that no part need be held longer than it takes to write it. The header, with every
/// part's checksum, comes last; until then the file is not one.
/// </summary>
internal sealed unsafe class PackedFileWriter : IDisposable
{
    private const int Slice = 1 << 24;
    private static readonly string NoHash = new('0', 64);

    private readonly SafeFileHandle file;
    private readonly WindowWriter windows;
    private readonly PackedHeader header;
    private readonly Dictionary<string, int> places;
    private readonly PackedTensor[] tensors;
    private readonly long fileBytes;

    /// <summary>Lays out the parts of a model and makes the file in its full size.</summary>
    public PackedFileWriter(string path, string source, Qwen3VLConfig config, StoragePlan plan, IReadOnlyList<ModelPart> parts)
    {
        header = new PackedHeader(source, ConfigOf(config), plan, []);
        tensors = [.. parts.Select(part => TensorOf(part))];
        // Room for the offsets' digits, which are not known yet: the header's length would else depend on itself.
        long offset = PackedPrefix.Align(PackedPrefix.Bytes + HeaderBytes(tensors).Length + (tensors.Length * 20L));
        for (int i = 0; i < tensors.Length; i++)
        {
            tensors[i] = tensors[i] with { Offset = offset };
            offset = PackedPrefix.Align(offset + tensors[i].Bytes);
        }

        fileBytes = offset;
        places = tensors.Select((tensor, i) => (tensor.Name, i)).ToDictionary(pair => pair.Name, pair => pair.i, StringComparer.Ordinal);
        file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.None, preallocationSize: fileBytes);
        windows = new WindowWriter(file, fileBytes);
    }

    /// <summary>Writes one part.</summary>
    public void Write(ModelPart part)
    {
        int place = places[part.Name];
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        if (part.Vector is { } vector)
        {
            Write(vector.Bytes, vector.Length, tensors[place].Offset, hash);
        }
        else if (part.Matrix!.Storage is WeightStorage.Fp32 or WeightStorage.Bf16)
        {
            WriteRows(part.Matrix, tensors[place].Offset, hash);
        }
        else
        {
            Write(part.Matrix.Memory.Bytes, part.Matrix.Bytes, tensors[place].Offset, hash);
        }

        long end = tensors[place].Offset + tensors[place].Bytes;
        windows.Write(new byte[PackedPrefix.Align(end) - end], end);
        tensors[place] = tensors[place] with { Sha256 = Convert.ToHexStringLower(hash.GetHashAndReset()) };
    }

    /// <summary>Writes the header. Every part must have been written.</summary>
    public void Finish()
    {
        if (tensors.FirstOrDefault(tensor => tensor.Sha256 == NoHash) is { } missing)
        {
            throw new InvalidOperationException($"The part '{missing.Name}' was not written.");
        }

        byte[] json = HeaderBytes(tensors);
        windows.Write(json, PackedPrefix.Bytes);
        windows.Flush();
        RandomAccess.FlushToDisk(file);
        RandomAccess.Write(file, PackedPrefix.Write(json, fileBytes), 0);
    }

    public void Dispose() => file.Dispose();

    private static PackedTensor TensorOf(ModelPart part)
    {
        int[] shape = part.Matrix is { } matrix ? [matrix.N, matrix.K] : [checked((int)(part.Vector!.Length / sizeof(float)))];
        WeightStorage storage = part.Matrix?.Storage ?? WeightStorage.Fp32;
        return new PackedTensor(part.Name, storage, shape, 0, PackedTensor.SizeOf(storage, shape), NoHash);
    }

    private static JsonElement ConfigOf(Qwen3VLConfig config)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream))
        {
            ModelConfigWriter.Write(json, config, "bfloat16");
        }

        using JsonDocument document = JsonDocument.Parse(stream.ToArray());
        return document.RootElement.Clone();
    }

    private byte[] HeaderBytes(PackedTensor[] table) => JsonSerializer.SerializeToUtf8Bytes(header with { Tensors = table }, PackedJson.Default.PackedHeader);

    private void Write(byte* bytes, long count, long offset, IncrementalHash hash)
    {
        for (long at = 0; at < count; at += Slice)
        {
            ReadOnlySpan<byte> part = new(bytes + at, (int)Math.Min(Slice, count - at));
            hash.AppendData(part);
            windows.Write(part, offset + at);
        }
    }

    private void WriteRows(PackedMatrix matrix, long offset, IncrementalHash hash)
    {
        int width = matrix.Storage == WeightStorage.Fp32 ? sizeof(float) : sizeof(ushort);
        float[] row = new float[matrix.K];
        byte[] bytes = new byte[matrix.K * width];
        for (int output = 0; output < matrix.N; output++)
        {
            fixed (float* target = row)
            {
                matrix.CopyRow(output, target);
            }

            if (width == sizeof(float))
            {
                Buffer.BlockCopy(row, 0, bytes, 0, bytes.Length);
            }
            else
            {
                BFloat16Rows.Narrow(row, bytes);
            }

            hash.AppendData(bytes);
            windows.Write(bytes, offset + ((long)output * bytes.Length));
        }
    }
}
