using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Medix.Runs;
using Microsoft.Win32.SafeHandles;

namespace Medix.Weights;

/// <summary>
/// A safetensors file, memory-mapped: opening reads the header only, tensors are read from the page cache when asked for.
/// The header is checked whole at open, so that later reads cannot leave the file. The file must not change while it is open.
/// Safe for concurrent reads.
/// </summary>
public sealed unsafe partial class SafetensorsFile : IDisposable
{
    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private readonly SafetensorsHeader _header;
    private byte* _data;

    private SafetensorsFile(string path, MemoryMappedFile map, MemoryMappedViewAccessor view, SafetensorsHeader header, long dataStart)
    {
        Path = path;
        _map = map;
        _view = view;
        _header = header;
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _data = start + view.PointerOffset + dataStart;
    }

    /// <summary>Where the file was opened.</summary>
    public string Path { get; }

    /// <summary>Every tensor by its name in the file.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Tensors => _header.Tensors;

    /// <summary>The header's <c>__metadata__</c>; empty when it has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Opens and checks a file. Throws <see cref="MedixException"/> naming the file, and the tensor at fault where one is.</summary>
    public static SafetensorsFile Open(string path)
    {
        try
        {
            using SafeFileHandle handle = File.OpenHandle(path, options: FileOptions.RandomAccess);
            byte[] json = ReadHeader(handle, path, out long dataStart);
            SafetensorsHeader header = SafetensorsHeader.Parse(json, path, RandomAccess.GetLength(handle) - dataStart);
            return Map(path, header, dataStart);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MedixException($"{path}: the weights file cannot be opened ({error.Message.TrimEnd('.')}). Check the path and its permissions.", error);
        }
    }

    /// <summary>
    /// The tensor's bytes, row-major and little-endian, in the mapped file: nothing is copied and the start may be unaligned.
    /// Not to be used after <see cref="Dispose"/>. A tensor of 2 GiB or more must be read in parts with the other overload.
    /// </summary>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        TensorInfo tensor = Find(name);
        long length = tensor.End - tensor.Begin;
        if (length > int.MaxValue)
        {
            throw new MedixException($"{Path}: tensor '{name}' has {length} bytes; one read takes at most {int.MaxValue}. Read it in parts.");
        }

        return new ReadOnlySpan<byte>(_data + tensor.Begin, (int)length);
    }

    /// <summary>Part of a tensor's bytes, from a byte offset within the tensor.</summary>
    public ReadOnlySpan<byte> Bytes(string name, long offset, int length)
    {
        TensorInfo tensor = Find(name);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, tensor.End - tensor.Begin - length);
        return new ReadOnlySpan<byte>(_data + tensor.Begin + offset, length);
    }

    /// <summary>The tensor's values as float: F32 as stored, BF16 and F16 widened (exact). Other types throw <see cref="MedixException"/>.</summary>
    public float[] ReadFloat32(string name)
    {
        float[] values = new float[Find(name).Count];
        ReadFloat32(name, 0, values);
        return values;
    }

    /// <summary>Part of a tensor's values as float, from value number <paramref name="start"/> on.</summary>
    public void ReadFloat32(string name, long start, Span<float> values)
    {
        TensorInfo tensor = Find(name);
        if (tensor.DType is not ("F32" or "BF16" or "F16"))
        {
            throw WrongType(tensor, "F32, BF16 or F16");
        }

        int width = DTypes.Bits(tensor.DType) / 8, most = int.MaxValue / width;
        for (int at = 0; at < values.Length; at += most)
        {
            Span<float> part = values.Slice(at, Math.Min(most, values.Length - at));
            FloatFormats.Widen(tensor.DType, Bytes(name, (start + at) * width, part.Length * width), part);
        }
    }

    /// <summary>
    /// Lets the system take the tensor's pages back from this process: who has copied a tensor need not keep it twice. Later reads fetch them again.
    /// </summary>
    public void Release(string name)
    {
        TensorInfo tensor = Find(name);
        const int page = 4096, dontNeed = 4;
        nint start = ((nint)(_data + tensor.Begin) + page - 1) / page * page, end = (nint)(_data + tensor.End) / page * page;
        if (OperatingSystem.IsLinux() && end > start)
        {
            _ = Advise(start, (nuint)(end - start), dontNeed);
        }
    }

    /// <summary>The tensor's values as 64-bit integers: I64 as stored, I32 widened. Other types throw <see cref="MedixException"/>.</summary>
    public long[] ReadInt64(string name)
    {
        TensorInfo tensor = Find(name);
        ReadOnlySpan<byte> bytes = Bytes(name);
        switch (tensor.DType)
        {
            case "I64":
                return MemoryMarshal.Cast<byte, long>(bytes).ToArray();
            case "I32":
                return Array.ConvertAll(MemoryMarshal.Cast<byte, int>(bytes).ToArray(), value => (long)value);
            default:
                throw WrongType(tensor, "I64 or I32");
        }
    }

    /// <summary>The first NaN or infinity of a tensor of F32, BF16, F16 or F64, or null; tensors of other types have none.</summary>
    public NonFiniteValue? FindNonFinite(string name)
    {
        TensorInfo tensor = Find(name);
        int width = DTypes.Bits(tensor.DType) / 8;
        if (tensor.DType is not ("F32" or "BF16" or "F16" or "F64"))
        {
            return null;
        }

        const int Block = 1 << 20;
        for (long start = 0; start < tensor.Count; start += Block)
        {
            int count = (int)Math.Min(Block, tensor.Count - start);
            ReadOnlySpan<byte> bytes = Bytes(name, start * width, count * width);
            int index = FloatFormats.IndexOfNonFinite(tensor.DType, bytes);
            if (index >= 0)
            {
                return new NonFiniteValue(name, start + index, FloatFormats.ValueAt(tensor.DType, bytes, index));
            }
        }

        return null;
    }

    /// <summary>Unmaps the file; spans taken from it are invalid from then on.</summary>
    public void Dispose()
    {
        if (_data is null)
        {
            return;
        }

        _data = null;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _map.Dispose();
    }

    private static byte[] ReadHeader(SafeFileHandle handle, string path, out long dataStart)
    {
        long size = RandomAccess.GetLength(handle);
        Span<byte> prefix = stackalloc byte[8];
        if (size < 8 || RandomAccess.Read(handle, prefix, 0) != 8)
        {
            throw new MedixException($"{path}: the file has {size} bytes, too few for a safetensors file. Fetch or save it again.");
        }

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > (ulong)(size - 8) || length > SafetensorsHeader.MaxBytes)
        {
            throw new MedixException(
                $"{path}: the header claims {length} bytes, but the file has {size - 8} after the length field "
                + $"and at most {SafetensorsHeader.MaxBytes} are accepted. "
                + "It is not a safetensors file, or it is cut short: fetch or save it again.");
        }

        byte[] json = new byte[length];
        if (RandomAccess.Read(handle, json, 8) != json.Length)
        {
            throw new MedixException($"{path}: the header could not be read whole. Fetch or save the file again.");
        }

        dataStart = 8 + json.Length;
        return json;
    }

    private static SafetensorsFile Map(string path, SafetensorsHeader header, long dataStart)
    {
        MemoryMappedFile map = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        try
        {
            return new SafetensorsFile(path, map, map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read), header, dataStart);
        }
        catch
        {
            map.Dispose();
            throw;
        }
    }

    private TensorInfo Find(string name)
    {
        ObjectDisposedException.ThrowIf(_data is null, this);
        return Tensors.TryGetValue(name, out TensorInfo? tensor)
            ? tensor
            : throw new MedixException($"{Path}: there is no tensor '{name}' among its {Tensors.Count}. Check that the file belongs to this model.");
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint start, nuint length, int advice);

    private MedixException WrongType(TensorInfo tensor, string expected) =>
        new($"{Path}: tensor '{tensor.Name}' is {tensor.DType}, expected {expected}. Convert the file first.");
}
