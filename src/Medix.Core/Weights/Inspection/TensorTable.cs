using Medix.Runs;

namespace Medix.Weights.Inspection;

/// <summary>
/// The tensors of a file or folder by its safetensors headers and index. Shards that the index names and the folder lacks are listed; their tensors' shapes come
/// from the configuration, by <see cref="Complete"/>. Weights are never read.
/// </summary>
internal sealed class TensorTable
{
    private const int MaxTensors = 100_000;
    private const long MaxParameters = 1L << 42;

    private readonly Dictionary<string, TensorEntry> _entries = new(StringComparer.Ordinal);
    private readonly List<string> _shards = [];
    private readonly List<string> _missing = [];

    /// <summary>What is wrong with the files, alone and against the configuration.</summary>
    public List<string> Faults { get; } = [];

    public List<string> Notes { get; } = [];

    public IReadOnlyCollection<TensorEntry> Entries => _entries.Values;

    public IReadOnlyList<string> Shards => _shards;

    public IReadOnlyList<string> Missing => _missing;

    /// <summary>The index's own sum of bytes, where there is an index that has one.</summary>
    private long? DeclaredBytes { get; set; }

    /// <summary>One file.</summary>
    public static TensorTable OfFile(string path)
    {
        TensorTable table = new();
        table.AddFile(path);
        return table;
    }

    /// <summary>The folder's weights called <paramref name="stem"/>, by index or in one file; an empty table where there are none.</summary>
    public static TensorTable OfFolder(string folder, string stem = "model")
    {
        string index = Path.Combine(folder, stem + ".safetensors.index.json"), single = Path.Combine(folder, stem + ".safetensors");
        TensorTable table = new();
        if (File.Exists(index))
        {
            table.AddShards(folder, index);
        }
        else if (File.Exists(single))
        {
            table.AddFile(single);
        }

        return table;
    }

    /// <summary>What an index lists, be its files there or not.</summary>
    public static TensorTable OfIndex(string index)
    {
        TensorTable table = new();
        table.AddShards(Path.GetDirectoryName(Path.GetFullPath(index))!, index);
        return table;
    }

    /// <summary>Tensors of files that are there, and names of files that belong to them and are not.</summary>
    public static TensorTable Of(IEnumerable<TensorEntry> entries, IEnumerable<string> shards, IEnumerable<string> missing)
    {
        TensorTable table = new();
        table._shards.AddRange(shards);
        table._missing.AddRange(missing);
        foreach (TensorEntry entry in entries)
        {
            table.RequireRoom();
            table._entries.Add(entry.Name, entry);
        }

        return table;
    }

    /// <summary>Every safetensors file of a folder; they need not belong together, so a name may come in several.</summary>
    public static TensorTable OfAll(string folder)
    {
        TensorTable table = new();
        foreach (string path in Directory.EnumerateFiles(folder, "*.safetensors").Order(StringComparer.Ordinal))
        {
            table.AddFile(path, keyPrefix: Path.GetFileName(path) + "/");
        }

        return table;
    }

    /// <summary>Whether a tensor of this canonical name is listed.</summary>
    public bool Contains(string name, Func<string, string> canonical) => _entries.Values.Any(entry => canonical(entry.Name) == name);

    /// <summary>
    /// Holds the table to the tensors that the configuration calls for, and fills in the shapes of those whose files are not there, with
    /// <paramref name="dtype"/> for their type. Without any weights the table becomes what the configuration calls for.
    /// </summary>
    public void Complete(IEnumerable<ExpectedTensor> tensors, Func<string, string> canonical, string? dtype)
    {
        Dictionary<string, TensorEntry> found = new(StringComparer.Ordinal);
        foreach (TensorEntry entry in _entries.Values.Where(entry => !found.TryAdd(canonical(entry.Name), entry)))
        {
            Faults.Add($"Tensor '{entry.Name}' is the same as '{found[canonical(entry.Name)].Name}'. Keep one of the two.");
        }

        bool anyWeights = _entries.Count > 0;
        foreach (ExpectedTensor expected in tensors)
        {
            if (!found.TryGetValue(expected.Name, out TensorEntry? entry) && !anyWeights)
            {
                RequireRoom();
                entry = new TensorEntry(expected.Name, null, null, null, null, null, Present: false);
            }

            if (entry is not null && entry.Shape is null)
            {
                _entries[entry.Name] = Filled(entry, expected, dtype);
            }
            else if (FaultOf(expected, entry) is { } fault)
            {
                Faults.Add(fault);
            }

            if (Faults.Count >= ModelReport.MaxFaults)
            {
                return;
            }
        }
    }

    /// <summary>Notes where the index's own sum of bytes is not that of the tensors.</summary>
    public void CompareBytes()
    {
        bool known = _entries.Values.All(entry => entry.Bytes is not null);
        if (known && DeclaredBytes is { } declared && _entries.Values.Sum(entry => entry.Bytes) is { } bytes && bytes != declared)
        {
            Notes.Add($"The index says that the tensors have {declared} bytes in all; they have {bytes}.");
        }
    }

    private static TensorEntry Filled(TensorEntry entry, ExpectedTensor expected, string? dtype)
    {
        UInt128 parameters = 1;
        foreach (long dimension in expected.Shape)
        {
            parameters = parameters > MaxParameters ? parameters : parameters * (UInt128)dimension;
        }

        long count = parameters <= MaxParameters
            ? (long)parameters
            : throw new MedixException(
                $"The configuration calls for tensor '{expected.Name}' {TensorInfo.ShapeToText(expected.Shape)}, which is too large for any file. Correct config.json.");
        return entry with { Shape = expected.Shape, DType = dtype, Parameters = count, Bytes = dtype is null ? null : count * DTypes.Bits(dtype) / 8 };
    }

    private static string? FaultOf(ExpectedTensor expected, TensorEntry? found)
    {
        if (found is null)
        {
            return $"The weights lack tensor '{expected.Name}' {TensorInfo.ShapeToText(expected.Shape)}, which config.json calls for. "
                + "Fetch weights and configuration of one revision.";
        }

        if (!found.Shape!.SequenceEqual(expected.Shape) && !(expected.OtherShape is { } other && found.Shape!.SequenceEqual(other)))
        {
            return $"Tensor '{found.Name}' has shape {TensorInfo.ShapeToText([.. found.Shape!])}, but config.json calls for {TensorInfo.ShapeToText(expected.Shape)}. "
                + "Use weights and configuration of one model.";
        }

        return found.DType is "F32" or "BF16" or "F16" ? null : $"Tensor '{found.Name}' is {found.DType}, expected F32, BF16 or F16. Convert the weights first.";
    }

    private void RequireRoom()
    {
        if (_entries.Count >= MaxTensors)
        {
            throw new MedixException($"The model has more than {MaxTensors} tensors, far more than any. Correct the number of layers in config.json, or the index.");
        }
    }

    private void AddFile(string path, string keyPrefix = "")
    {
        WeightFileChecks.RequireReadable(path);
        string shard = Path.GetFileName(path);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        foreach (TensorInfo tensor in file.Tensors.Values)
        {
            RequireRoom();
            TensorEntry entry = new(tensor.Name, tensor.DType, tensor.Shape, tensor.Count, tensor.End - tensor.Begin, shard, Present: true);
            if (!_entries.TryAdd(keyPrefix + tensor.Name, entry))
            {
                Faults.Add($"Tensor '{tensor.Name}' is in both '{_entries[tensor.Name].Shard}' and '{shard}'. Keep one of the two.");
            }
        }

        _shards.Add(shard);
        Notes.AddRange(file.Metadata.Where(pair => pair.Key != "format").Select(pair => $"Metadata of {shard}: {pair.Key} = {Shortened(pair.Value)}"));
    }

    private void AddShards(string folder, string index)
    {
        JsonFields fields = JsonFields.Load(index);
        JsonFields? metadata = fields.OptionalObject("metadata");
        DeclaredBytes = metadata?.Has("total_size") == true ? metadata.Long("total_size") : null;
        IReadOnlyList<KeyValuePair<string, string>> map = fields.Object("weight_map").TextEntries();
        foreach (string shard in map.Select(entry => entry.Value).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            if (shard != Path.GetFileName(shard) || shard.Length == 0)
            {
                throw new MedixException($"{index}: it names the shard '{shard}', expected a file of the same folder. Fetch the index again.");
            }

            string path = Path.Combine(folder, shard);
            if (File.Exists(path))
            {
                AddFile(path);
            }
            else
            {
                _shards.Add(shard);
                _missing.Add(shard);
            }
        }

        AddPlaces(map);
    }

    private void AddPlaces(IReadOnlyList<KeyValuePair<string, string>> map)
    {
        HashSet<string> missing = [.. _missing];
        foreach ((string name, string shard) in map)
        {
            bool known = _entries.TryGetValue(name, out TensorEntry? entry);
            if (!known && missing.Contains(shard))
            {
                RequireRoom();
                _entries.Add(name, new TensorEntry(name, null, null, null, null, shard, Present: false));
            }
            else if (entry?.Shard != shard && Faults.Count < ModelReport.MaxFaults)
            {
                string where = known ? $"; it is in '{entry!.Shard}'" : "";
                Faults.Add($"The index places tensor '{name}' in '{shard}', which does not have it{where}. Fetch index and shards of one revision.");
            }
        }
    }

    private static string Shortened(string text) => text.Length <= 200 ? text : text[..200] + "…";
}
