using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Medix.Runs;

namespace Medix.Weights;

/// <summary>How a checkpoint is written. <paramref name="ShardBytes"/> is the most that one file holds (a larger tensor gets a file of its own).</summary>
public sealed record CheckpointOptions(long ShardBytes = 5_000_000_000, IReadOnlyDictionary<string, string>? Metadata = null);

/// <summary>
/// Writes a model's weights as a Hugging Face folder: one <c>model.safetensors</c>, or shards with an index as transformers names and fills them. All files are
/// written under temporary names first and renamed when every one is whole, the index last; a full disk leaves an older checkpoint as it was.
/// </summary>
public static partial class CheckpointWriter
{
    private const string Single = "model.safetensors";
    private const string Index = "model.safetensors.index.json";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, IndentSize = 2 };

    /// <summary>Writes the tensors, given by the names they have in the file and in the model's order; each is asked for its bytes once.</summary>
    /// <exception cref="MedixException">The disk has not enough room, or a file cannot be written.</exception>
    public static void Write(string folder, IReadOnlyList<StreamedTensor> tensors, CheckpointOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new();
        IReadOnlyList<Shard> shards = Named(Partition(tensors, options.ShardBytes));
        WriteShards(folder, shards, options.Metadata, cancellationToken);
    }

    /// <summary>
    /// Writes a checkpoint again as it is: the same tensors in the same files, so that the weights are equal byte for byte; and every other file of its folder that
    /// belongs to a model, copied. A lone weights file of another name becomes <c>model.safetensors</c>.
    /// </summary>
    public static void Copy(Checkpoint source, string folder, CancellationToken cancellationToken = default) => Copy(source, folder, null, cancellationToken);

    /// <summary>The same with some changes on the way.</summary>
    internal static void Copy(Checkpoint source, string folder, CheckpointChanges? changes, CancellationToken cancellationToken)
    {
        if (Place(source.Folder) == Place(folder))
        {
            throw new MedixException($"{folder}: source and target are one folder. Name another one for the result.");
        }

        Shard[] shards = [.. source.Files.Select(file => new Shard(
            source.IndexPath is null ? Single : Path.GetFileName(file.Path),
            [.. file.Tensors.Values.Select(tensor => new StreamedTensor(tensor.Name, tensor.DType, tensor.Shape, stream => CopyTensor(file, tensor, changes, stream)))],
            changes?.Metadata(file.Metadata) ?? file.Metadata))];
        WriteShards(folder, shards, null, cancellationToken, source.IndexPath);
        ModelSideFiles.Copy(source.Folder, folder, withConfig: true);
    }

    /// <summary>Fills files in the given order up to <paramref name="most"/> bytes each.</summary>
    internal static IReadOnlyList<IReadOnlyList<StreamedTensor>> Partition(IReadOnlyList<StreamedTensor> tensors, long most)
    {
        List<List<StreamedTensor>> parts = [[]];
        long size = 0;
        foreach (StreamedTensor tensor in tensors)
        {
            if (parts[^1].Count > 0 && size + tensor.Bytes > most)
            {
                parts.Add([]);
                size = 0;
            }

            parts[^1].Add(tensor);
            size += tensor.Bytes;
        }

        return parts;
    }

    internal static void WriteShards(
        string folder, IReadOnlyList<Shard> shards, IReadOnlyDictionary<string, string>? metadata, CancellationToken cancellationToken,
        string? index = null, Func<string, Stream>? create = null)
    {
        create ??= file => new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
        string[] paths = [.. shards.Select(shard => Path.Combine(folder, shard.Name))];
        string indexPath = Path.Combine(folder, Index);
        try
        {
            Directory.CreateDirectory(folder);
            RequireSpace(folder, shards.Sum(shard => shard.Tensors.Sum(tensor => tensor.Bytes)));
            byte[]? map = index is not null ? File.ReadAllBytes(index) : shards.Count > 1 ? Encoding.UTF8.GetBytes(IndexOf(shards)) : null;
            for (int i = 0; i < paths.Length; i++)
            {
                SafetensorsWriter.WritePartial(paths[i], shards[i].Tensors, shards[i].Metadata ?? metadata, create, cancellationToken);
            }

            if (map is not null)
            {
                using Stream stream = create(SafetensorsWriter.PartialName(indexPath));
                stream.Write(map);
            }

            Rename(folder, paths, map is null ? null : indexPath);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MedixException(
                $"{folder}: the checkpoint could not be written ({error.Message.TrimEnd('.')}). Check the path, its permissions and the disk's free space.", error);
        }
        finally
        {
            foreach (string partial in paths.Append(indexPath).Select(SafetensorsWriter.PartialName).Where(File.Exists))
            {
                File.Delete(partial);
            }
        }
    }

    /// <summary>
    /// The weights, then the index or its removal, then the removal of weights that belong to neither: whoever opens the folder in between finds the old
    /// checkpoint, except where shards of the same names are being replaced.
    /// </summary>
    private static void Rename(string folder, string[] paths, string? index)
    {
        foreach (string path in index is null ? paths : paths.Append(index))
        {
            File.Move(SafetensorsWriter.PartialName(path), path, overwrite: true);
        }

        if (index is null)
        {
            File.Delete(Path.Combine(folder, Index));
        }

        HashSet<string> written = [.. paths.Select(path => Path.GetFileName(path))];
        IEnumerable<string> names = Directory.GetFiles(folder, "model*.safetensors").Select(file => Path.GetFileName(file));
        foreach (string stale in names.Where(name => OwnName().IsMatch(name) && !written.Contains(name)))
        {
            File.Delete(Path.Combine(folder, stale));
        }
    }

    /// <summary>Names that checkpoints' own files have; others in the folder are somebody else's.</summary>
    [GeneratedRegex(@"^model(-\d{5}-of-\d{5})?\.safetensors$", RegexOptions.CultureInvariant)]
    private static partial Regex OwnName();

    /// <summary>Where a folder really is, whatever links lead to it.</summary>
    private static string Place(string folder)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (Path.GetDirectoryName(full) is not { } parent)
        {
            return full;
        }

        string here = Path.Combine(Place(parent), Path.GetFileName(full));
        return Directory.Exists(here) && Directory.ResolveLinkTarget(here, returnFinalTarget: true) is { } target ? Place(target.FullName) : here;
    }

    private static IReadOnlyList<Shard> Named(IReadOnlyList<IReadOnlyList<StreamedTensor>> parts) => parts.Count == 1
        ? [new(Single, parts[0], null)]
        : [.. parts.Select((part, i) => new Shard(string.Create(CultureInfo.InvariantCulture, $"model-{i + 1:00000}-of-{parts.Count:00000}.safetensors"), part, null))];

    private static string IndexOf(IReadOnlyList<Shard> shards)
    {
        IEnumerable<StreamedTensor> all = shards.SelectMany(shard => shard.Tensors);
        JsonObject map = new(shards.SelectMany(shard => shard.Tensors.Select(tensor => KeyValuePair.Create(tensor.Name, (JsonNode?)JsonValue.Create(shard.Name))))
            .OrderBy(entry => entry.Key, StringComparer.Ordinal));
        return new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["total_parameters"] = all.Sum(tensor => tensor.Shape.Aggregate(1L, (product, side) => product * side)),
                ["total_size"] = all.Sum(tensor => tensor.Bytes),
            },
            ["weight_map"] = map,
        }.ToJsonString(Indented) + "\n";
    }

    private static void RequireSpace(string folder, long needed)
    {
        long free = new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace;
        if (free < needed)
        {
            throw new MedixException(
                $"{folder}: the weights need {needed} bytes, but the disk has {free} left. What was there before is untouched. Free space, or write to another disk.");
        }
    }

    private static void CopyTensor(SafetensorsFile file, TensorInfo tensor, CheckpointChanges? changes, Stream stream)
    {
        if (changes?.Values(TensorNames.Canonical(tensor.Name)) is not { } apply)
        {
            CopyBytes(file, tensor, stream);
            return;
        }

        float[] values = file.ReadFloat32(tensor.Name);
        file.Release(tensor.Name);
        apply(values);
        TensorBytes.Write(stream, tensor.DType, values);
    }

    private static void CopyBytes(SafetensorsFile file, TensorInfo tensor, Stream stream)
    {
        const int most = 1 << 22;
        for (long at = 0; at < tensor.End - tensor.Begin; at += most)
        {
            stream.Write(file.Bytes(tensor.Name, at, (int)Math.Min(most, tensor.End - tensor.Begin - at)));
        }

        file.Release(tensor.Name);
    }

    /// <summary>One file of a checkpoint.</summary>
    internal sealed record Shard(string Name, IReadOnlyList<StreamedTensor> Tensors, IReadOnlyDictionary<string, string>? Metadata);
}

/// <summary>
/// What a copy changes: <paramref name="Values"/> is asked for each tensor, by canonical name, and gives null to leave it; <paramref name="Metadata"/> gives what
/// takes the place of a file's own.
/// </summary>
internal sealed record CheckpointChanges(
    Func<string, Action<float[]>?> Values, Func<IReadOnlyDictionary<string, string>, IReadOnlyDictionary<string, string>> Metadata);
