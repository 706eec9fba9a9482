using System.Text.Json;
using Medix.Runs;
using Medix.Weights;

namespace Medix.Evaluation.Cards;

/// <summary>The files of a saved model: hashed when it is saved, compared when it is looked at.</summary>
internal static class ModelFolder
{
    /// <summary>Names that belong to whatever brought or keeps the folder: the Hub's client, git.</summary>
    private static readonly HashSet<string> Foreign = new([".gitattributes", ".gitignore", ".git", ".cache", ".huggingface"], StringComparer.Ordinal);

    /// <summary>All files below the folder but the manifest and <see cref="Foreign"/> ones, in order, with their hashes.</summary>
    public static IReadOnlyList<ManifestFile> FilesOf(string folder) => [.. NamesIn(folder).Select(name => FileOf(folder, name))];

    /// <summary>Every file that is not as listed.</summary>
    public static IReadOnlyList<ManifestFault> Compare(string folder, IReadOnlyList<ManifestFile> files)
    {
        HashSet<string> listed = [.. files.Select(file => file.Name)];
        IEnumerable<ManifestFault> unlisted = NamesIn(folder).Where(name => !listed.Contains(name)).Select(name => new ManifestFault(name, FileFault.Unlisted));
        return [.. files.Select(file => FaultOf(folder, file)).OfType<ManifestFault>(), .. unlisted];
    }

    private static ManifestFault? FaultOf(string folder, ManifestFile file)
    {
        string path = file.Name.Contains('\0', StringComparison.Ordinal) ? "" : Path.GetFullPath(Path.Combine(folder, file.Name));
        if (!path.StartsWith(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            string manifest = Path.Combine(folder, ModelManifest.FileName);
            throw new MedixException($"{manifest} names the file {JsonSerializer.Serialize(file.Name)}, expected one inside the folder. Do not trust this model.");
        }

        return !File.Exists(path) ? new ManifestFault(file.Name, FileFault.Missing)
            : SizeOf(path) != file.Bytes || FileOf(folder, file.Name) != file ? new ManifestFault(file.Name, FileFault.Changed)
            : null;
    }

    private static ManifestFile FileOf(string folder, string name)
    {
        WeightsFile file = WeightsIdentity.FileOf(folder, name);
        return new ManifestFile(file.Name, file.Bytes, file.Sha256);
    }

    /// <summary>Of what a link leads to: the Hub's cache is made of links.</summary>
    private static long SizeOf(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return stream.Length;
    }

    private static IEnumerable<string> NamesIn(string folder) => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/'))
        .Where(name => name != ModelManifest.FileName && !name.Split('/').Any(Foreign.Contains))
        .Order(StringComparer.Ordinal);
}
