using System.Globalization;
using System.Text.RegularExpressions;
using Medix.Runs;

namespace Medix.Data;

/// <summary>Opens a dataset by its path: the explicit list of kinds.</summary>
public static partial class SampleSources
{
    /// <summary>The kinds <see cref="Open"/> knows.</summary>
    public static IReadOnlyList<string> Kinds { get; } = ["parquet", "jsonl", "vqa-rad"];

    /// <summary>
    /// A source for a file or folder. A parquet folder holds <c>train.parquet</c> or <c>train-00000-of-0000N.parquet</c> shards, itself
    /// or under <c>data/</c>; a jsonl folder <c>train.jsonl</c> or <c>metadata.jsonl</c>, itself or under <c>train/</c>; a vqa-rad folder the
    /// public JSON and its images.
    /// </summary>
    /// <param name="kind">One of <see cref="Kinds"/>, or null to tell by what is there.</param>
    /// <param name="path">File or folder.</param>
    /// <param name="columns">Column names; null for the published ones.</param>
    /// <param name="split">The split's name in file names.</param>
    /// <exception cref="MedixException">Nothing readable is there, or shards are missing.</exception>
    public static ISampleSource Open(string? kind, string path, ColumnNames? columns = null, string split = "train")
    {
        if (!File.Exists(path) && !Directory.Exists(path))
        {
            throw new MedixException($"There is no data set at '{Path.GetFullPath(path)}'. Check the path.");
        }

        return (kind ?? KindOf(path, split)) switch
        {
            "parquet" when ParquetFiles(path, split) is { Count: > 0 } files => new ParquetSource(files, columns, FolderOf(path), NameOf(path)),
            "parquet" => throw Nothing(path, split),
            "jsonl" => new JsonlSource(JsonlFile(path, split) ?? throw Nothing(path, split), columns, name: NameOf(path)),
            "vqa-rad" => new VqaRadSource(path),
            _ => throw new MedixException($"'{kind}' is no kind of data set: expected {string.Join(", ", Kinds)}."),
        };
    }

    private static string KindOf(string path, string split)
    {
        bool isFolder = Directory.Exists(path);
        return VqaRadFile.IsAt(path) ? "vqa-rad"
            : (isFolder ? ParquetFiles(path, split).Count > 0 : path.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase)) ? "parquet"
            : (isFolder ? JsonlFile(path, split) is not null : path.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase)) ? "jsonl"
            : throw Nothing(path, split);
    }

    private static List<string> ParquetFiles(string path, string split)
    {
        if (File.Exists(path))
        {
            return [path];
        }

        foreach (string folder in new[] { path, Path.Combine(path, "data") }.Where(Directory.Exists))
        {
            string whole = Path.Combine(folder, $"{split}.parquet");
            List<string> files = File.Exists(whole) ? [whole] : Shards(folder, split);
            if (files.Count > 0)
            {
                return files;
            }
        }

        return [];
    }

    private static List<string> Shards(string folder, string split)
    {
        SortedDictionary<int, string> shards = [];
        int expected = 0;
        foreach (string file in Directory.EnumerateFiles(folder, $"{split}-*.parquet"))
        {
            Match match = ShardName().Match(Path.GetFileName(file)[split.Length..]);
            if (match.Success)
            {
                shards[int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)] = file;
                expected = int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture);
            }
        }

        int[] missing = [.. Enumerable.Range(0, expected).Where(index => !shards.ContainsKey(index))];
        return missing.Length == 0 ? [.. shards.Values] : throw new MedixException(
            $"'{folder}' has {shards.Count} of {expected} '{split}' shards; missing are number {string.Join(", ", missing.Take(10))}"
            + $"{(missing.Length > 10 ? ", …" : "")}. Download them, or name single files.");
    }

    private static string? JsonlFile(string path, string split) => File.Exists(path)
        ? path
        : new[] { Path.Combine(path, $"{split}.jsonl"), Path.Combine(path, split, "metadata.jsonl"), Path.Combine(path, "metadata.jsonl") }
            .FirstOrDefault(File.Exists);

    private static MedixException Nothing(string path, string split) => new(
        $"'{Path.GetFullPath(path)}' holds no data set that is known: expected {split}.parquet, {split}-00000-of-0000N.parquet, {split}.jsonl, metadata.jsonl "
        + $"or '{VqaRadFile.PublicName}'. Give the path of one of these, or its folder.");

    private static string FolderOf(string path) => Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;

    private static string NameOf(string path) => Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));

    [GeneratedRegex(@"^-(\d{5})-of-(\d{5})(-[0-9a-f]+)?\.parquet$")]
    private static partial Regex ShardName();
}
