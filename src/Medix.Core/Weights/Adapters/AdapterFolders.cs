using Medix.Runs;

namespace Medix.Weights.Adapters;

/// <summary>Whole models with an adapter merged in, or taken out again, tensor by tensor: the rest is copied byte for byte.</summary>
public static class AdapterFolders
{
    /// <summary>Writes the base with the adapter merged, in the base's own format, files and names. Returns the number of changed tensors.</summary>
    /// <exception cref="MedixException">The adapter is of another model, or the target cannot be written.</exception>
    public static int Merge(string baseFolder, string adapterFolder, string target, CancellationToken cancellationToken = default) =>
        Apply(baseFolder, adapterFolder, target, (layer, values, transposed) => LoraMerge.Merge(layer, values, transposed), cancellationToken);

    /// <summary>The opposite of <see cref="Merge"/>, exact to the format's rounding. A DoRA adapter cannot be taken out.</summary>
    public static int Unmerge(string mergedFolder, string adapterFolder, string target, CancellationToken cancellationToken = default) =>
        Apply(mergedFolder, adapterFolder, target, (layer, values, transposed) => LoraMerge.Unmerge(layer, values, transposed), cancellationToken);

    private static int Apply(string model, string adapter, string target, Action<LoraLayer, float[], bool> apply, CancellationToken cancellationToken)
    {
        using Checkpoint checkpoint = Checkpoint.Open(model);
        Dictionary<string, LoraLayer> layers = LoraAdapter.Load(adapter, checkpoint.Config).Layers.ToDictionary(layer => layer.Parameter, StringComparer.Ordinal);
        HashSet<string> transposed = [.. ModelTensors.Of(checkpoint.Config).Where(checkpoint.HoldsExpertsTransposed).Select(tensor => tensor.Name)];
        CheckpointWriter.Copy(
            checkpoint,
            target,
            name => layers.TryGetValue(name, out LoraLayer? layer) ? values => apply(layer, values, transposed.Contains(name)) : null,
            cancellationToken);
        return layers.Count;
    }
}
