using System.Security.Cryptography;
using Medix.Runs;

namespace Medix.Weights.Adapters;

/// <summary>
/// Which adapters are in a model's weights: SHA-256 of their weights files, in the weights' own metadata. One adapter in twice, or out without having been in,
/// would give a model that loads and answers wrongly.
/// </summary>
internal static class MergeRecord
{
    /// <summary>The metadata entry.</summary>
    public const string Key = "medix_merged_adapters";

    /// <summary>What stands for an adapter in the record.</summary>
    public static string IdOf(string adapterFolder)
    {
        using FileStream stream = File.OpenRead(Path.Combine(adapterFolder, LoraAdapter.WeightsFile));
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    /// <summary>Throws <see cref="MedixException"/> where the record says that this adapter is in already, or that others are and this one is not.</summary>
    public static void Check(IReadOnlyDictionary<string, string> metadata, string id, bool merge, string model, string adapter)
    {
        string[] merged = Read(metadata);
        if (merge && merged.Contains(id))
        {
            throw new MedixException($"{model}: the adapter {adapter} is merged into these weights already; merging it again would double its change. Start from the base model.");
        }

        if (!merge && merged.Length > 0 && !merged.Contains(id))
        {
            throw new MedixException($"{model}: the adapter {adapter} is not among the {merged.Length} that were merged into these weights. Name the one that was.");
        }
    }

    /// <summary>The metadata with the adapter put into the record, or taken out.</summary>
    public static IReadOnlyDictionary<string, string> Apply(IReadOnlyDictionary<string, string> metadata, string id, bool merge)
    {
        string[] merged = merge ? [.. Read(metadata), id] : [.. Read(metadata).Where(other => other != id)];
        Dictionary<string, string> changed = new(metadata, StringComparer.Ordinal);
        changed.Remove(Key);
        if (merged.Length > 0)
        {
            changed[Key] = string.Join(' ', merged);
        }

        return changed;
    }

    private static string[] Read(IReadOnlyDictionary<string, string> metadata) =>
        metadata.TryGetValue(Key, out string? merged) ? merged.Split(' ', StringSplitOptions.RemoveEmptyEntries) : [];
}
