using Medix.Runs;

namespace Medix.Weights.Inspection;

/// <summary>The tensors of a folder's safetensors files, from their headers and the index.</summary>
internal static class TensorTable
{
    private const string Index = "model.safetensors.index.json";

    public static IReadOnlyList<InspectedTensor> OfFile(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        string name = Path.GetFileName(path);
        return [.. file.Tensors.Values.OrderBy(tensor => tensor.Begin)
            .Select(tensor => new InspectedTensor(tensor.Name, tensor.DType, tensor.Shape, tensor.End - tensor.Begin, name))];
    }

    /// <summary>
    /// What the index names comes from its shards; of a shard that is not there the names alone. Without an index it is <c>model.safetensors</c>, or every
    /// safetensors file.
    /// </summary>
    public static IReadOnlyList<InspectedTensor> OfFolder(string folder, out IReadOnlyList<string> missing)
    {
        missing = [];
        string index = Path.Combine(folder, Index);
        if (!File.Exists(index))
        {
            string single = Path.Combine(folder, "model.safetensors");
            string[] files = File.Exists(single) ? [single] : [.. Directory.GetFiles(folder, "*.safetensors").Order(StringComparer.Ordinal)];
            if (files.Length == 0 && Directory.GetFiles(folder).FirstOrDefault(file => PickleGuard.HasPickleName(file) && PickleGuard.IsPickle(file)) is { } pickle)
            {
                throw PickleGuard.Refusal(pickle);
            }

            return [.. files.SelectMany(OfFile)];
        }

        ILookup<string, string> namesOf = JsonFields.Load(index).Object("weight_map").TextEntries().ToLookup(entry => entry.Value, entry => entry.Key);
        List<InspectedTensor> tensors = [];
        List<string> absent = [];
        foreach (IGrouping<string, string> shard in namesOf.OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            string path = Path.Combine(folder, shard.Key);
            if (shard.Key != Path.GetFileName(shard.Key))
            {
                throw new MedixException($"{index}: it names the file '{shard.Key}', which leads out of the folder. Fetch the index again.");
            }

            if (File.Exists(path))
            {
                tensors.AddRange(OfFile(path));
            }
            else
            {
                absent.Add(shard.Key);
                tensors.AddRange(shard.Select(name => new InspectedTensor(name, "?", [], 0, null)));
            }
        }

        missing = absent;
        return tensors;
    }
}
