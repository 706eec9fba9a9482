using Medix.Runs;

namespace Medix.Weights;

/// <summary>
/// A published model's folder: <c>config.json</c> with <c>model.safetensors</c>, or with <c>model.safetensors.index.json</c> and its shards.
/// Tensors go by their canonical names whatever the file's own prefixes (<see cref="ModelTensors"/>); at open, every tensor the
/// configuration calls for is there with the right shape and a float type. Weights are memory-mapped; reads may be concurrent.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    private const string ConfigFile = "config.json";
    private const string SingleFile = "model.safetensors";
    private const string IndexFile = "model.safetensors.index.json";

    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<string, Location> _tensors = new(StringComparer.Ordinal);

    private Checkpoint(Qwen3VLConfig config, string folder)
    {
        Config = config;
        Folder = folder;
    }

    /// <summary>The model's shape. Whether the head is tied is decided by the weights: flags and files disagree in practice.</summary>
    public Qwen3VLConfig Config { get; private set; }

    /// <summary>The folder with the configuration.</summary>
    public string Folder { get; }

    /// <summary>The weights' files.</summary>
    internal IReadOnlyList<SafetensorsFile> Files => _files;

    /// <summary>The index of the shards, or null for a single file.</summary>
    internal string? IndexPath { get; private set; }

    /// <summary>Canonical names of all tensors, those beyond the expected ones included.</summary>
    public IReadOnlyCollection<string> Names => _tensors.Keys;

    /// <summary>
    /// Opens a folder, or one <c>.safetensors</c> file with <c>config.json</c> beside it.
    /// Throws <see cref="MedixException"/> naming the file, and the tensor with both shapes where one does not fit.
    /// </summary>
    public static Checkpoint Open(string folder)
    {
        bool single = File.Exists(folder) && folder.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);
        string home = single ? Path.GetDirectoryName(Path.GetFullPath(folder))! : folder;
        RequireFolder(home);
        Checkpoint checkpoint = new(ModelConfigReader.Read(Path.Combine(home, ConfigFile)), home);
        try
        {
            string index = Path.Combine(home, IndexFile);
            if (!single && File.Exists(index))
            {
                checkpoint.AddShards(home, index);
            }
            else
            {
                checkpoint.AddFile(single ? folder : RequireSingle(home));
            }

            checkpoint.RequireModel(home);
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>Says what is there instead of a model's folder.</summary>
    private static void RequireFolder(string path)
    {
        const string Wanted = "expected a model's folder in Hugging Face layout: config.json, weights in safetensors, tokenizer";
        if (File.Exists(path))
        {
            throw new MedixException(path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)
                ? $"{path}: it is a GGUF file; {Wanted}. Turn it into one with `medix import`."
                : $"{path}: it is a file; {Wanted}. Name the folder.");
        }

        if (!Directory.Exists(path))
        {
            throw new MedixException($"There is no file or folder '{path}'; {Wanted}. Correct the path.");
        }

        if (!File.Exists(Path.Combine(path, ConfigFile)))
        {
            throw new MedixException(Directory.EnumerateFiles(path, "*.medix").Any()
                ? $"{path}: it is a packed model's folder; {Wanted}. Name the original that it was packed from."
                : Directory.EnumerateFiles(path, "*.gguf").Any() ? $"{path}: it holds GGUF files; {Wanted}. Turn them into one with `medix import`."
                : $"{path}: there is no {ConfigFile}; {Wanted}. Correct the path, or fetch the model again.");
        }
    }

    /// <summary>Whether there is a tensor of this canonical name.</summary>
    public bool Contains(string name) => _tensors.ContainsKey(name);

    /// <summary>The tensor's header entry, under its canonical name.</summary>
    public TensorInfo Info(string name)
    {
        Location at = Find(name);
        return at.File.Tensors[at.Name] with { Name = name };
    }

    /// <summary>The tensor's values as float; see <see cref="SafetensorsFile.ReadFloat32(string)"/>.</summary>
    public float[] ReadFloat32(string name)
    {
        Location at = Find(name);
        return at.File.ReadFloat32(at.Name);
    }

    /// <summary>Part of a tensor's values as float; see <see cref="SafetensorsFile.ReadFloat32(string, long, Span{float})"/>.</summary>
    public void ReadFloat32(string name, long start, Span<float> values)
    {
        Location at = Find(name);
        at.File.ReadFloat32(at.Name, start, values);
    }

    /// <summary>Lets the system take a tensor's pages back; see <see cref="SafetensorsFile.Release"/>.</summary>
    public void Release(string name)
    {
        Location at = Find(name);
        at.File.Release(at.Name);
    }

    /// <summary>
    /// Whether the experts' matrices of this tensor are held as [experts, out, in], as transformers 5 saves them, not as published. The shape decides; where it fits
    /// both, the architecture: fused experts of a text-only model are only ever the former.
    /// </summary>
    public bool HoldsExpertsTransposed(ExpectedTensor expected) => expected.OtherShape is { } other && (Config.Architecture == ModelConfigReader.TextMixture
        ? Info(expected.Name).Shape.AsSpan().SequenceEqual(other)
        : !Info(expected.Name).Shape.AsSpan().SequenceEqual(expected.Shape));

    /// <summary>The tensor's bytes in the mapped file; see <see cref="SafetensorsFile.Bytes(string)"/>.</summary>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        Location at = Find(name);
        return at.File.Bytes(at.Name);
    }

    /// <summary>The first NaN or infinity of all weights, under its canonical name, or null. Reads every byte.</summary>
    public NonFiniteValue? FindNonFinite()
    {
        foreach ((string name, Location at) in _tensors)
        {
            if (at.File.FindNonFinite(at.Name) is { } found)
            {
                return found with { Tensor = name };
            }

            at.File.Release(at.Name);
        }

        return null;
    }

    /// <summary>Throws <see cref="MedixException"/> naming tensor and index when a weight is NaN or infinite: training would spread it everywhere.</summary>
    public void RequireFinite()
    {
        if (FindNonFinite() is { } found)
        {
            throw new MedixException(
                $"{Find(found.Tensor).File.Path}: tensor '{found.Tensor}' has {found.Value} at index {found.Index}; weights must be finite. "
                + "Fetch the file again, or go back to a checkpoint from before training diverged.");
        }
    }

    /// <summary>Unmaps all files.</summary>
    public void Dispose()
    {
        foreach (SafetensorsFile file in _files)
        {
            file.Dispose();
        }

        _files.Clear();
    }

    private static string RequireSingle(string folder)
    {
        string path = Path.Combine(folder, SingleFile);
        return File.Exists(path)
            ? path
            : throw new MedixException($"{folder}: there is neither {SingleFile} nor {IndexFile}. Name the folder that holds the model's weights.");
    }

    private void AddShards(string folder, string index)
    {
        IndexPath = index;
        IReadOnlyList<KeyValuePair<string, string>> map = JsonFields.Load(index).Object("weight_map").TextEntries();
        Dictionary<string, SafetensorsFile> shards = new(StringComparer.Ordinal);
        foreach (string shard in map.Select(entry => entry.Value).Distinct(StringComparer.Ordinal))
        {
            string path = Path.Combine(folder, shard);
            if (shard != Path.GetFileName(shard) || !File.Exists(path))
            {
                throw new MedixException($"{index}: it names the shard '{shard}', which is not in the folder. Fetch the missing file.");
            }

            shards[shard] = AddFile(path);
        }

        foreach ((string name, string shard) in map)
        {
            if (!shards[shard].Tensors.ContainsKey(name))
            {
                throw new MedixException(
                    $"{index}: it places tensor '{name}' in '{shard}', which does not have it. "
                    + "Fetch the index and the shards of one revision.");
            }
        }
    }

    private SafetensorsFile AddFile(string path)
    {
        SafetensorsFile file = SafetensorsFile.Open(path);
        _files.Add(file);
        foreach (string found in file.Tensors.Keys)
        {
            string name = TensorNames.Canonical(found);
            if (!_tensors.TryAdd(name, new Location(file, found)))
            {
                Location other = _tensors[name];
                throw new MedixException($"{path}: tensor '{found}' is the same as '{other.Name}' of {other.File.Path}. Keep one of the two.");
            }
        }

        return file;
    }

    private void RequireModel(string folder)
    {
        Config = Config with { Text = Config.Text with { TieWordEmbeddings = !Contains(ModelTensors.Head) } };
        foreach (ExpectedTensor expected in ModelTensors.Of(Config))
        {
            if (!Contains(expected.Name))
            {
                throw new MedixException(
                    $"{folder}: the weights lack tensor '{expected.Name}' {TensorInfo.ShapeToText(expected.Shape)}, which config.json calls for. "
                    + "Fetch the weights and the configuration of one revision.");
            }

            TensorInfo found = Info(expected.Name);
            if (!found.Shape.AsSpan().SequenceEqual(expected.Shape) && !(expected.OtherShape is { } other && found.Shape.AsSpan().SequenceEqual(other)))
            {
                throw new MedixException(
                    $"{folder}: tensor '{expected.Name}' has shape {found.ShapeText}, but config.json calls for {TensorInfo.ShapeToText(expected.Shape)}. "
                    + "Use the weights and the configuration of one model.");
            }

            if (found.DType is not ("F32" or "BF16" or "F16"))
            {
                throw new MedixException($"{folder}: tensor '{expected.Name}' is {found.DType}, expected F32, BF16 or F16. Convert the weights first.");
            }
        }
    }

    private Location Find(string name) => _tensors.TryGetValue(name, out Location at)
        ? at
        : throw new MedixException($"There is no tensor '{name}' among the {_tensors.Count} of {_files.FirstOrDefault()?.Path ?? "a closed checkpoint"}.");

    private readonly record struct Location(SafetensorsFile File, string Name);
}
