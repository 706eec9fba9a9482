using System.IO.MemoryMappedFiles;
using System.Security.Cryptography;
using System.Text.Json;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Weights;

namespace Medix.Inference.Packed;

/// <summary>
/// A packed model (<c>model.medix</c>): its shape, its plan and its numbers exactly as the kernels read them, memory-mapped. Opening reads the header alone, whatever the
/// model's size; <see cref="FindDamage"/> reads everything.
/// </summary>
public sealed unsafe class PackedFile : IDisposable
{
    /// <summary>The file's name in a packed model's folder.</summary>
    public const string FileName = "model.medix";

    /// <summary>What a packed file's name ends in.</summary>
    public const string Extension = ".medix";

    private readonly MemoryMappedFile map;
    private readonly MemoryMappedViewAccessor view;
    private readonly Dictionary<string, PackedTensor> byName;
    private byte* data;

    private PackedFile(string path, PackedHeader header, Qwen3VLConfig config, long fileBytes)
    {
        (Path, Source, Plan, Tensors, Config, FileBytes) = (path, header.Source, header.Plan, header.Tensors, config, fileBytes);
        byName = header.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        map = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        try
        {
            view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref data);
            AlignedMemory.AskForHugePages(data, fileBytes);
        }
        catch
        {
            view?.Dispose();
            map.Dispose();
            throw;
        }
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>What it was made of, for people.</summary>
    public string Source { get; }

    /// <summary>The model's shape.</summary>
    public Qwen3VLConfig Config { get; }

    /// <summary>How the matrices are stored.</summary>
    public StoragePlan Plan { get; }

    /// <summary>The parts, in the file's order.</summary>
    public IReadOnlyList<PackedTensor> Tensors { get; }

    /// <summary>Size of the file.</summary>
    public long FileBytes { get; }

    /// <summary>Whether the path is a packed file, or a folder that holds one.</summary>
    public static bool IsAt(string path) =>
        File.Exists(path) ? path.EndsWith(Extension, StringComparison.OrdinalIgnoreCase) : File.Exists(System.IO.Path.Combine(path, FileName));

    /// <summary>Opens a packed file, or the one in a folder, and checks the header: version, length, checksum, shape, and that no part overlaps another or leaves
    /// the file.</summary>
    /// <exception cref="MedixException">It cannot be used; the message names the field, the value and what was expected.</exception>
    public static PackedFile Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        string file = Directory.Exists(path) ? System.IO.Path.Combine(path, FileName) : path;
        try
        {
            byte[] bytes = PackedPrefix.ReadHeader(file);
            PackedHeader header = Parse(file, bytes);
            Qwen3VLConfig config = ModelConfigReader.Read(header.Config, file);
            long length = new FileInfo(file).Length;
            PackedHeaderChecks.Require(file, header, PackedPrefix.Bytes + bytes.Length, length);
            return new PackedFile(file, header, config, length);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new MedixException($"{file}: the packed model cannot be read ({fault.Message.TrimEnd('.')}). Check the path and its permissions.", fault);
        }
    }

    /// <summary>The first part whose bytes are not those that were written, or null. Reads the whole file.</summary>
    public PackedTensor? FindDamage(Action<PackedTensor>? checkedPart = null, CancellationToken cancellationToken = default)
    {
        foreach (PackedTensor tensor in Tensors)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (HashOf(tensor) != tensor.Sha256)
            {
                return tensor;
            }

            checkedPart?.Invoke(tensor);
        }

        return null;
    }

    /// <summary>Unmaps the file; no model may use it any more.</summary>
    public void Dispose()
    {
        if (data is not null)
        {
            data = null;
            view.SafeMemoryMappedViewHandle.ReleasePointer();
            view.Dispose();
            map.Dispose();
        }
    }

    /// <summary>The part of this name, or null.</summary>
    internal PackedTensor? Find(string name) => byName.GetValueOrDefault(name);

    /// <summary>A part's bytes in the mapped file.</summary>
    internal AlignedMemory Map(PackedTensor tensor)
    {
        ObjectDisposedException.ThrowIf(data is null, this);
        return new AlignedMemory(data + tensor.Offset, tensor.Bytes);
    }

    private static PackedHeader Parse(string file, byte[] bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, PackedJson.Default.PackedHeader) ?? throw new JsonException("it is null");
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            throw new MedixException($"{file}: the header is not what this version writes ({fault.Message.TrimEnd('.')}). Make the file again with `medix quantize`.", fault);
        }
    }

    private string HashOf(PackedTensor tensor)
    {
        const int slice = 1 << 26;
        ObjectDisposedException.ThrowIf(data is null, this);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (long at = 0; at < tensor.Bytes; at += slice)
        {
            hash.AppendData(new ReadOnlySpan<byte>(data + tensor.Offset + at, (int)Math.Min(slice, tensor.Bytes - at)));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
