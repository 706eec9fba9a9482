using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Medix.Runs;

namespace Medix.Weights;

/// <summary>How a checkpoint is written. <paramref name="ShardBytes"/> is the most that one file holds (a larger tensor gets a file of its own).</summary>
public sealed record CheckpointOptions(long ShardBytes = 5_000_000_000, IReadOnlyDictionary<string, string>? Metadata = null);

/// <summary>
/// Writes a model's weights as a Hugging Face folder: one <c>model.safetensors</c>, or shards with an index as transformers names and fills them. All files are
/// written under temporary names first and renamed when every one is whole, the index last; a full disk leaves an older checkpoint as it was.
/// </summary>
public static class CheckpointWriter
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
    /// belongs to a model, copied.
    /// </summary>
    public static void Copy(Checkpoint source, string folder, CancellationToken cancellationToken = default) => Copy(source, folder, null, cancellationToken);

    /// <summary>The same with some tensors' values changed on the way: <paramref name="change"/> is asked for each, by canonical name, and gives null to leave it.</summary>
    internal static void Copy(Checkpoint source, string folder, Func<string, Action<float[]>?>? change, CancellationToken cancellationToken)
    {
        if (System.IO.Path.GetFullPath(source.Folder) == System.IO.Path.GetFullPath(folder))
        {
            throw new MedixException($"{folder}: source and target are one folder. Name another one for the result.");
        }

        Shard[] shards = [.. source.Files.Select(file => new Shard(
            System.IO.Path.GetFileName(file.Path),
            [.. file.Tensors.Values.Select(tensor => new StreamedTensor(tensor.Name, tensor.DType, tensor.Shape, stream => CopyTensor(file, tensor, change, stream)))],
            file.Metadata))];
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
        Directory.CreateDirectory(folder);
        long needed = shards.Sum(shard => shard.Tensors.Sum(tensor => tensor.Bytes));
        RequireSpace(folder, needed);
        create ??= file => new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
        string[] paths = [.. shards.Select(shard => System.IO.Path.Combine(folder, shard.Name))];
        try
        {
            for (int i = 0; i < paths.Length; i++)
            {
                SafetensorsWriter.WritePartial(paths[i], shards[i].Tensors, shards[i].Metadata ?? metadata, create, cancellationToken);
            }

            foreach (string path in paths)
            {
                File.Move(SafetensorsWriter.PartialName(path), path, overwrite: true);
            }
        }
        finally
        {
            foreach (string path in paths)
            {
                File.Delete(SafetensorsWriter.PartialName(path));
            }
        }

        Finish(folder, shards, index);
    }

    /// <summary>The index, or its removal; then the weights files that belong to neither.</summary>
    private static void Finish(string folder, IReadOnlyList<Shard> shards, string? index)
    {
        string path = System.IO.Path.Combine(folder, Index);
        if (index is not null)
        {
            AtomicFile.WriteAllBytes(path, File.ReadAllBytes(index));
        }
        else if (shards.Count > 1)
        {
            AtomicFile.WriteAllText(path, IndexOf(shards));
        }
        else
        {
            File.Delete(path);
        }

        foreach (string stale in Directory.GetFiles(folder, "model*.safetensors").Where(file => shards.All(shard => shard.Name != System.IO.Path.GetFileName(file))))
        {
            File.Delete(stale);
        }
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
        long free = new DriveInfo(System.IO.Path.GetFullPath(folder)).AvailableFreeSpace;
        if (free < needed)
        {
            throw new MedixException(
                $"{folder}: the weights need {needed} bytes, but the disk has {free} left. What was there before is untouched. Free space, or write to another disk.");
        }
    }

    private static void CopyTensor(SafetensorsFile file, TensorInfo tensor, Func<string, Action<float[]>?>? change, Stream stream)
    {
        if (change?.Invoke(TensorNames.Canonical(tensor.Name)) is not { } apply)
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
