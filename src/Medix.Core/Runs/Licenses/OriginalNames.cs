using System.Text.RegularExpressions;

namespace Medix.Runs.Licenses;

/// <summary>
/// Tells copies of MediX-R1's own models and data by what they are called: they are published as CC-BY-NC-SA-4.0, and a copy on a disk often has lost the
/// card that says so. Medix's own names do not match.
/// </summary>
internal static partial class OriginalNames
{
    private static readonly string[] DataFiles = ["dataset_info.json", "dataset_infos.json", "state.json"];

    /// <summary>The licence of the original's weights and data.</summary>
    public static License License => LicenseTable.Named("CC-BY-NC-SA-4.0");

    /// <summary>Whether a folder or file of this name is by it one of the original's: <c>MediX-R1-8B</c>, <c>MBZUAI--MediX-R1-2B</c>, <c>medix-rl-data</c>.</summary>
    public static bool IsName(string name) => Name().IsMatch(name);

    /// <summary>Whether the name is that of the original's data.</summary>
    public static bool IsData(string name) => Data().IsMatch(name);

    /// <summary>Whether the last names of a path are the original's, the owner's folder above it or not.</summary>
    public static bool IsPath(string path)
    {
        string[] names = path.Split((char[])['/', '\\'], StringSplitOptions.RemoveEmptyEntries);
        return names.Length > 0 && (IsName(names[^1]) || (names.Length > 1 && Id().IsMatch($"{names[^2]}/{names[^1]}")));
    }

    /// <summary>Where a folder's files say that it holds the original's work, or null. The texts come from the reader.</summary>
    public static string? StatedIn(string folder, Func<string, string?> read)
    {
        if (read(Path.Combine(folder, "README.md")) is { } card)
        {
            CardFrontMatter matter = CardFrontMatter.Parse(card);
            if (((string[])["pretty_name", "model_name", "name"]).SelectMany(key => matter[key]).FirstOrDefault(IsName) is { } pretty)
            {
                return $"README.md, which calls it {pretty}";
            }

            if (Title().IsMatch(card))
            {
                return "the title of README.md, which is MediX-R1's";
            }
        }

        if (read(Path.Combine(folder, "SOURCE.md")) is { } source && Id().Match(source) is { Success: true } id)
        {
            return $"SOURCE.md, which names {id.Value}";
        }

        string? file = DataFiles.FirstOrDefault(name => read(Path.Combine(folder, name)) is { } text && (Id().IsMatch(text) || DatasetName().IsMatch(text)));
        return file is null ? null : $"{file}, which names MediX-R1's data";
    }

    [GeneratedRegex(@"^(?:mbzuai(?:-oryx)?[-_/.]{1,2})?medix[-_. ]?(?:r1|rl[-_. ]?data)(?![a-z0-9])", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Name();

    [GeneratedRegex(@"^(?:mbzuai(?:-oryx)?[-_/.]{1,2})?medix[-_. ]?rl[-_. ]?data(?![a-z0-9])", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Data();

    [GeneratedRegex(@"(?<![a-z0-9])mbzuai(?:-oryx)?/medix[-_.]?(?:r1|rl)[a-z0-9_.-]*", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Id();

    [GeneratedRegex(@"\A(?:---.*?^---\s*$)?\s*#[ \t]+[^\w\n]*(?:mbzuai/)?medix[- _]?(?:r1|rl[-_ ]?data)(?![a-z0-9])",
        RegexOptions.IgnoreCase | RegexOptions.Singleline | RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Title();

    [GeneratedRegex(@"""(?:dataset_name|builder_name|config_name)""\s*:\s*""medix[-_]rl[-_]data""", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex DatasetName();
}
