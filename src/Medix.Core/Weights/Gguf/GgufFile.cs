using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Medix.Runs;
using Medix.Weights.Gguf.Quantisation;

namespace Medix.Weights.Gguf;

/// <summary>
/// One GGUF file (version 2 or 3, little-endian), memory-mapped: opening reads the header only. The header is checked whole at open, so that later reads
/// cannot leave the file. The file must not change while it is open. Safe for concurrent reads. Of a split model each part is a file of its own: <see cref="GgufParts"/>.
/// </summary>
public sealed unsafe partial class GgufFile : IDisposable
{
    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private readonly GgufHeader _header;
    private byte* _start;

    private GgufFile(string path, MemoryMappedFile map, MemoryMappedViewAccessor view, long length)
    {
        Path = path;
        _map = map;
        _view = view;
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _start = start + view.PointerOffset;
        try
        {
            _header = GgufHeader.Parse(new ReadOnlySpan<byte>(_start, (int)Math.Min(length, int.MaxValue)), path, length);
        }
        catch
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
            throw;
        }
    }

    /// <summary>Where the file was opened.</summary>
    public string Path { get; }

    /// <summary>The format's version.</summary>
    public int Version => (int)_header.Version;

    /// <summary>The metadata.</summary>
    public GgufMetadata Metadata => _header.Metadata;

    /// <summary>Every tensor by name.</summary>
    public IReadOnlyDictionary<string, GgufTensor> Tensors => _header.Tensors;

    /// <summary>Names of the tensors in the file's order.</summary>
    public IReadOnlyList<string> Order => _header.Order;

    /// <summary>Opens and checks a file.</summary>
    /// <exception cref="MedixException">It cannot be opened, or it is not a sound GGUF file; the message names the place and the value.</exception>
    public static GgufFile Open(string path)
    {
        if (Directory.Exists(path))
        {
            throw new MedixException($"{path}: it is a folder, expected a GGUF file. Name the .gguf file in it.");
        }

        try
        {
            long length = new FileInfo(path).Length;
            return length > 0 ? Map(path, length) : throw new MedixException($"{path}: the file is empty, expected a GGUF file. Fetch it again.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MedixException($"{path}: the GGUF file cannot be opened ({error.Message.TrimEnd('.')}). Check the path and its permissions.", error);
        }
    }

    /// <summary>Part of a tensor's bytes in the mapped file, from a byte offset within the tensor; nothing is copied. Not to be used after <see cref="Dispose"/>.</summary>
    public ReadOnlySpan<byte> Bytes(GgufTensor tensor, long offset, int length)
    {
        ObjectDisposedException.ThrowIf(_start is null, this);
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, tensor.Bytes - length);
        return new ReadOnlySpan<byte>(_start + _header.DataStart + tensor.Offset + offset, length);
    }

    /// <summary>
    /// Part of a tensor's values as float, from value number <paramref name="start"/> on, row-major; long parts are shared out over the processors.
    /// </summary>
    /// <exception cref="MedixException">The tensor is of a kind that cannot be read.</exception>
    public void ReadFloat32(GgufTensor tensor, long start, Span<float> values)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, tensor.Count - values.Length);
        if (!tensor.Format.CanRead)
        {
            throw BlockFormat.Unreadable($"{Path}: tensor '{tensor.Name}' is {tensor.Format.Name}");
        }

        const int slice = 1 << 16;
        if (values.Length <= 2 * slice)
        {
            ReadSlice(tensor, start, values);
            return;
        }

        int length = values.Length, slices = ((length - 1) / slice) + 1;
        fixed (float* target = values)
        {
            float* first = target;
            Parallel.For(0, slices, i => ReadSlice(tensor, start + ((long)i * slice), new Span<float>(first + (i * slice), Math.Min(slice, length - (i * slice)))));
        }
    }

    /// <summary>Lets the system take the tensor's pages back: what was read of it is not needed any more. Reading it again is allowed.</summary>
    public void Release(GgufTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        const int page = 4096, dontNeed = 4;
        nint first = (nint)(_start + _header.DataStart + tensor.Offset);
        nint start = (first + page - 1) / page * page, end = (first + (nint)tensor.Bytes) / page * page;
        if (OperatingSystem.IsLinux() && end > start)
        {
            _ = Advise(start, (nuint)(end - start), dontNeed);
        }
    }

    /// <summary>Unmaps the file; spans taken from it are invalid from then on.</summary>
    public void Dispose()
    {
        if (_start is null)
        {
            return;
        }

        _start = null;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _map.Dispose();
    }

    private static GgufFile Map(string path, long length)
    {
        MemoryMappedFile map = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        MemoryMappedViewAccessor? view = null;
        try
        {
            view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            return new GgufFile(path, map, view, length);
        }
        catch
        {
            view?.Dispose();
            map.Dispose();
            throw;
        }
    }

    /// <summary>Whole blocks straight into the target, the ends through a block of their own.</summary>
    private void ReadSlice(GgufTensor tensor, long start, Span<float> values)
    {
        int block = tensor.Format.BlockValues;
        Span<float> whole = stackalloc float[block];
        while (values.Length > 0)
        {
            int skip = (int)(start % block), take;
            if (skip == 0 && values.Length >= block)
            {
                take = values.Length / block * block;
                tensor.Format.Dequantise(Blocks(tensor, start, take), values[..take]);
            }
            else
            {
                take = Math.Min(block - skip, values.Length);
                tensor.Format.Dequantise(Blocks(tensor, start - skip, block), whole);
                whole.Slice(skip, take).CopyTo(values);
            }

            start += take;
            values = values[take..];
        }
    }

    private ReadOnlySpan<byte> Blocks(GgufTensor tensor, long start, int count) =>
        Bytes(tensor, tensor.Format.BytesOf(start), checked((int)tensor.Format.BytesOf(count)));

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint start, nuint length, int advice);
}
