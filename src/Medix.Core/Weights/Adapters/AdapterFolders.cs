using Medix.Runs;

namespace Medix.Weights.Adapters;

/// <summary>
/// Whole models with an adapter merged in, or taken out again, tensor by tensor: the rest is copied byte for byte. The result is a new folder, which appears when
/// it is whole; its weights' metadata records the adapters that are in, and a short model card of its own takes the place of the base's.
/// </summary>
public static class AdapterFolders
{
    /// <summary>Writes the base with the adapter merged, in the base's own format, files and names. Returns the number of changed tensors.</summary>
    /// <exception cref="MedixException">The adapter is of another model or merged already, the target is not empty, or it cannot be written.</exception>
    public static int Merge(string baseFolder, string adapterFolder, string target, CancellationToken cancellationToken = default) =>
        Apply(baseFolder, adapterFolder, target, merge: true, cancellationToken);

    /// <summary>
    /// The opposite of <see cref="Merge"/>, exact to the format's rounding. A DoRA adapter cannot be taken out, nor one that the record lacks where it has others.
    /// </summary>
    public static int Unmerge(string mergedFolder, string adapterFolder, string target, CancellationToken cancellationToken = default) =>
        Apply(mergedFolder, adapterFolder, target, merge: false, cancellationToken);

    private static int Apply(string model, string adapter, string target, bool merge, CancellationToken cancellationToken)
    {
        using Checkpoint checkpoint = Checkpoint.Open(model);
        LoraAdapter lora = LoraAdapter.Load(adapter, checkpoint.Config);
        if (!merge && lora.Layers.Any(layer => layer.Magnitude is not null))
        {
            throw new MedixException($"{adapter}: a DoRA adapter cannot be taken out of merged weights: merging replaced the rows' lengths. Start from the base model.");
        }

        string id = MergeRecord.IdOf(adapter);
        MergeRecord.Check(checkpoint.Files[0].Metadata, id, merge, model, adapter);
        Dictionary<string, LoraLayer> layers = lora.Layers.ToDictionary(layer => layer.Parameter, StringComparer.Ordinal);
        HashSet<string> transposed = [.. ModelTensors.Of(checkpoint.Config).Where(checkpoint.HoldsExpertsTransposed).Select(tensor => tensor.Name)];
        CheckpointChanges changes = new(
            name => layers.TryGetValue(name, out LoraLayer? layer) ? values => Change(layer, values, transposed.Contains(name), merge) : null,
            metadata => MergeRecord.Apply(metadata, id, merge));
        NewFolder.Write(target, folder =>
        {
            CheckpointWriter.Copy(checkpoint, folder, changes, cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            MergedModelCard.Write(folder, Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(target))), checkpoint.Folder, adapter, id, merge);
        });
        return layers.Count;
    }

    private static void Change(LoraLayer layer, float[] values, bool transposed, bool merge)
    {
        if (merge)
        {
            LoraMerge.Merge(layer, values, transposed);
        }
        else
        {
            LoraMerge.Unmerge(layer, values, transposed);
        }
    }
}
