using System.Security.Cryptography;
using System.Text;
using Medix.Runs;
using Medix.Weights.Adapters;

namespace Medix.Weights;

/// <summary>One file of a model's weights: its name in the folder, its size and its SHA-256 in lower-case hexadecimal.</summary>
public sealed record WeightsFile(string Name, long Bytes, string Sha256);

/// <summary>Which weights a folder holds, told by every byte of them.</summary>
/// <param name="Sha256">
/// Of the weights file. Of shards: of the lines that <c>sha256sum</c> prints for <paramref name="Files"/> in their order, so that any changed shard changes it.
/// </param>
/// <param name="Files">The weights file; or the index and each shard it names, in order of their names.</param>
public sealed record WeightsIdentity(string Sha256, IReadOnlyList<WeightsFile> Files)
{
    private const string Single = "model.safetensors";
    private const string Index = "model.safetensors.index.json";

    /// <summary>Reads every byte of a model's or an adapter's weights, a megabyte at a time.</summary>
    /// <exception cref="MedixException">The folder has no weights, or not all shards that its index names.</exception>
    public static WeightsIdentity Of(string folder)
    {
        WeightsFile[] files = [.. NamesIn(folder).Order(StringComparer.Ordinal).Select(name => FileOf(folder, name))];
        return new WeightsIdentity(files.Length == 1 ? files[0].Sha256 : Sum(files), files);
    }

    /// <summary>Size and hash of one file; of a link, those of what it leads to.</summary>
    internal static WeightsFile FileOf(string folder, string name)
    {
        using var stream = new FileStream(Path.Combine(folder, name), FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.SequentialScan);
        return new WeightsFile(name, stream.Length, Convert.ToHexStringLower(SHA256.HashData(stream)));
    }

    private static IEnumerable<string> NamesIn(string folder)
    {
        string index = Path.Combine(folder, Index);
        if (!File.Exists(index))
        {
            string[] whole = [Single, LoraAdapter.WeightsFile];
            return whole.Where(name => File.Exists(Path.Combine(folder, name))).Take(1).ToArray() is { Length: 1 } found ? found
                : throw new MedixException($"{folder}: there is neither {Single} nor {Index} nor {LoraAdapter.WeightsFile}. Name the folder that holds the model's weights.");
        }

        string[] shards = [.. JsonFields.Load(index).Object("weight_map").TextEntries().Select(entry => entry.Value).Distinct(StringComparer.Ordinal)];
        return Array.Find(shards, shard => shard != Path.GetFileName(shard) || !File.Exists(Path.Combine(folder, shard))) is { } missing
            ? throw new MedixException($"{index}: it names the shard '{missing}', which is not in the folder. Fetch the missing file.")
            : shards.Append(Index);
    }

    private static string Sum(IEnumerable<WeightsFile> files) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(files.Select(file => $"{file.Sha256}  {file.Name}\n")))));
}
