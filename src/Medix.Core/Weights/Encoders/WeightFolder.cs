using System.Buffers.Binary;
using System.Numerics.Tensors;
using Medix.Runs;
using Microsoft.Win32.SafeHandles;

namespace Medix.Weights.Encoders;

/// <summary>
/// The tensors of a folder with <c>model.safetensors</c>, or <c>model.safetensors.index.json</c> and its shards, under canonical names. Files are
/// memory-mapped. Folders whose weights are only there as Python pickles are refused.
/// </summary>
public sealed class WeightFolder : IDisposable
{
    private const string SingleFile = "model.safetensors";
    private const string IndexFile = "model.safetensors.index.json";

    private readonly Dictionary<string, (SafetensorsFile File, string Name)> _tensors = new(StringComparer.Ordinal);
    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<SafetensorsFile, FileData> _data = [];
    private readonly byte[] _part = new byte[1 << 20];
    private readonly string _folder;

    private WeightFolder(string folder) => _folder = folder;

    /// <summary>Canonical names of all tensors.</summary>
    public IReadOnlyCollection<string> Names => _tensors.Keys;

    /// <summary>Opens the folder; <paramref name="canonical"/> turns a file's names into those asked for later.</summary>
    /// <exception cref="MedixException">No weights, only pickles, a broken file, or a shard that is missing or lacks what the index says.</exception>
    public static WeightFolder Open(string folder, Func<string, string> canonical)
    {
        ArgumentNullException.ThrowIfNull(canonical);
        WeightFolder weights = new(folder);
        try
        {
            string index = Path.Combine(folder, IndexFile), single = Path.Combine(folder, SingleFile);
            if (File.Exists(single))
            {
                weights.Add(single, canonical);
            }
            else if (File.Exists(index))
            {
                weights.AddShards(index, canonical);
            }
            else
            {
                throw NoWeights(folder);
            }

            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>Whether there is a tensor of this canonical name.</summary>
    public bool Contains(string name) => _tensors.ContainsKey(name);

    /// <summary>The tensor's header entry, under its canonical name.</summary>
    public TensorInfo Info(string name) => Find(name).File.Tensors[Find(name).Name] with { Name = name };

    /// <summary>The tensor's values as float: F32 as stored, BF16 and F16 widened.</summary>
    public float[] ReadFloat32(string name) => Find(name).File.ReadFloat32(Find(name).Name);

    /// <summary>
    /// The tensor's values as float, in a buffer that grows as needed and serves many tensors. The file is read, not mapped, so that a model which is loaded
    /// into memory of its own is not held twice. Throws <see cref="MedixException"/> for NaN, infinities and other types. One call at a time.
    /// </summary>
    public ReadOnlySpan<float> ReadFloat32(string name, scoped ref float[] buffer)
    {
        (SafetensorsFile file, string inFile) = Find(name);
        TensorInfo tensor = file.Tensors[inFile];
        if (tensor.DType is not ("F32" or "BF16" or "F16") || tensor.Count > Array.MaxLength)
        {
            throw new MedixException($"{_folder}: tensor '{name}' is {tensor.DType} {tensor.ShapeText}, expected F32, BF16 or F16 of at most 2^31 values.");
        }

        buffer = buffer.Length < tensor.Count ? new float[tensor.Count] : buffer;
        Span<float> values = buffer.AsSpan(0, (int)tensor.Count);
        int width = tensor.DType == "F32" ? sizeof(float) : sizeof(ushort), done = 0;
        while (done < values.Length)
        {
            Span<byte> part = _part.AsSpan(0, (int)Math.Min(_part.Length, (values.Length - done) * (long)width));
            _data[file].Read(part, tensor.Begin + ((long)done * width));
            FloatFormats.Widen(tensor.DType, part, values[done..]);
            done += part.Length / width;
        }

        return TensorPrimitives.IsFiniteAll<float>(values) ? values : throw NotFinite(name);
    }

    /// <summary>The tensor's values as integers: I64 as stored, I32 widened.</summary>
    public long[] ReadInt64(string name) => Find(name).File.ReadInt64(Find(name).Name);

    /// <summary>The tensor's bytes in the mapped file; see <see cref="SafetensorsFile.Bytes(string)"/>.</summary>
    public ReadOnlySpan<byte> Bytes(string name) => Find(name).File.Bytes(Find(name).Name);

    /// <summary>
    /// Throws <see cref="MedixException"/> unless every expected tensor is there with its shape, as F32, BF16 or F16.
    /// </summary>
    public void Require(IEnumerable<ExpectedTensor> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        foreach (ExpectedTensor expected in tensors)
        {
            if (!Contains(expected.Name))
            {
                throw new MedixException(
                    $"{_folder}: the weights lack tensor '{expected.Name}' {TensorInfo.ShapeToText(expected.Shape)}, which config.json calls for. "
                    + "Fetch the weights and the configuration of one revision.");
            }

            TensorInfo found = Info(expected.Name);
            if (!found.Shape.AsSpan().SequenceEqual(expected.Shape))
            {
                throw new MedixException(
                    $"{_folder}: tensor '{expected.Name}' has shape {found.ShapeText}, but config.json calls for {TensorInfo.ShapeToText(expected.Shape)}. "
                    + "Use the weights and the configuration of one model.");
            }

            if (found.DType is not ("F32" or "BF16" or "F16"))
            {
                throw new MedixException($"{_folder}: tensor '{expected.Name}' is {found.DType}, expected F32, BF16 or F16. Convert the weights first.");
            }
        }
    }

    /// <summary>Throws <see cref="MedixException"/> when the tensor holds NaN or an infinity.</summary>
    public void RequireFinite(string name)
    {
        if (Find(name).File.FindNonFinite(Find(name).Name) is not null)
        {
            throw NotFinite(name);
        }
    }

    /// <summary>Unmaps all files.</summary>
    public void Dispose()
    {
        foreach (FileData data in _data.Values)
        {
            data.Dispose();
        }

        _files.ForEach(file => file.Dispose());
    }

    private MedixException NotFinite(string name)
    {
        NonFiniteValue fault = Find(name).File.FindNonFinite(Find(name).Name)!;
        return new MedixException($"{_folder}: tensor '{name}' has {fault.Value} at index {fault.Index}; weights must be finite. Fetch the file again.");
    }

    private static MedixException NoWeights(string folder)
    {
        string? pickle = Directory.EnumerateFiles(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal)
            .FirstOrDefault(name => Path.GetExtension(name) is ".bin" or ".pt" or ".pth" or ".ckpt" or ".pkl" or ".pickle");
        return pickle is null
            ? new MedixException($"{folder}: there is neither {SingleFile} nor {IndexFile}. Name the folder that holds the model's weights.")
            : new MedixException(
                $"{folder}: the weights are there only as {pickle}, a Python pickle. Opening a pickle runs whatever program it holds, so Medix never does. "
                + $"Fetch the model's {SingleFile}, or save one with the tool that made the model.");
    }

    private void AddShards(string index, Func<string, string> canonical)
    {
        IReadOnlyList<KeyValuePair<string, string>> map = JsonFields.Load(index).Object("weight_map").TextEntries();
        foreach (IGrouping<string, KeyValuePair<string, string>> shard in map.GroupBy(entry => entry.Value, StringComparer.Ordinal))
        {
            string path = Path.Combine(_folder, shard.Key);
            if (shard.Key != Path.GetFileName(shard.Key) || !File.Exists(path))
            {
                throw new MedixException($"{index}: it names the shard '{shard.Key}', which is not in the folder. Fetch the missing file.");
            }

            SafetensorsFile file = Add(path, canonical);
            if (shard.FirstOrDefault(entry => !file.Tensors.ContainsKey(entry.Key)).Key is { } missing)
            {
                throw new MedixException($"{index}: it places tensor '{missing}' in '{shard.Key}', which does not have it. Fetch index and shards of one revision.");
            }
        }
    }

    private SafetensorsFile Add(string path, Func<string, string> canonical)
    {
        SafetensorsFile file = SafetensorsFile.Open(path);
        _files.Add(file);
        _data.Add(file, new FileData(path));
        foreach (string found in file.Tensors.Keys)
        {
            if (!_tensors.TryAdd(canonical(found), (file, found)))
            {
                throw new MedixException($"{path}: tensor '{found}' is there twice, also as '{_tensors[canonical(found)].Name}'. Keep one of the two.");
            }
        }

        return file;
    }

    private (SafetensorsFile File, string Name) Find(string name) => _tensors.TryGetValue(name, out (SafetensorsFile File, string Name) at)
        ? at
        : throw new MedixException($"{_folder}: there is no tensor '{name}' among the {_tensors.Count} of the weights. Check that the files belong to one model.");

    /// <summary>The data section of a file that was checked already, read without mapping it.</summary>
    private sealed class FileData : IDisposable
    {
        private readonly SafeFileHandle _handle;
        private readonly long _start;

        public FileData(string path)
        {
            _handle = File.OpenHandle(path);
            Span<byte> length = stackalloc byte[sizeof(ulong)];
            RandomAccess.Read(_handle, length, 0);
            _start = length.Length + BinaryPrimitives.ReadInt64LittleEndian(length);
        }

        public void Read(Span<byte> target, long offset)
        {
            for (int read; target.Length > 0; target = target[read..], offset += read)
            {
                read = RandomAccess.Read(_handle, target, _start + offset);
                if (read == 0)
                {
                    throw new MedixException("A weights file became shorter while it was read. Fetch it again, and do not change it while Medix runs.");
                }
            }
        }

        public void Dispose() => _handle.Dispose();
    }
}
