namespace Medix.Runs.Licenses;

/// <summary>
/// Reads under what licence a folder's model or data set comes: what the recipe says, the front matter of its <c>README.md</c> with what is known of the works
/// it names, <c>SOURCE.md</c>, the words that its LICENSE files open with, and what is known of it by its name. Everything found is kept; see
/// <see cref="LicensedPart"/> for what counts where places contradict each other.
/// </summary>
public static class LicenseReader
{
    /// <summary>The licence of a model's weights.</summary>
    /// <param name="path">What the recipe calls it: a Hub id, a path, or "nano".</param>
    /// <param name="folder">The folder it lies in.</param>
    /// <param name="declared">The recipe's word, or null.</param>
    public static LicensedPart OfModel(string path, string folder, string? declared) => Of("weights", path, folder, null, declared, ["base_model", "datasets"]);

    /// <summary>The licence of a data set. Of a file it is that of its folder; of a folder <c>data</c> the card may lie one above.</summary>
    /// <param name="path">The recipe's path: a file or a folder.</param>
    /// <param name="declared">The recipe's word, or null.</param>
    public static LicensedPart OfData(string path, string? declared)
    {
        string folder = Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;
        bool isPart = NameOf(folder) is "data" or "train" or "test" or "validation";
        string? above = isPart ? Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))) : null;
        return Of("data", path, folder, above, declared, ["source_datasets", "base_model"]);
    }

    /// <summary>The licence of a work that only says a name and a licence of itself, such as a GGUF file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="stated">Its word for its licence, or null.</param>
    /// <param name="readFrom">Where that word stands.</param>
    /// <param name="names">Names that it gives itself and the works it is made of.</param>
    public static LicensedPart OfFile(string path, string? stated, string readFrom, IEnumerable<string> names)
    {
        List<LicenseStatement> statements = stated is null ? [] : [new LicenseStatement(LicenseTable.InSentence(stated), readFrom, stated)];
        statements.AddRange(Known(names.Prepend(Path.GetFileName(path)), StatementOrigin.Name));
        return LicenseSettlement.Of("weights", HubId.OrName(path), statements);
    }

    private static LicensedPart Of(string kind, string path, string folder, string? above, string? declared, string[] references)
    {
        List<LicenseStatement> found = [.. Known(HubId.Of(path) is { } id ? [id] : [], StatementOrigin.Name)];
        try
        {
            found.AddRange(LicenseFiles.OfFolder(folder, references));
            if (above is not null)
            {
                found.AddRange(LicenseFiles.OfFolderAbove(above, references, isNeeded: found.Count == 0));
            }

            if (!found.Any(statement => statement.Origin == StatementOrigin.Name) && Recognised(path, folder, above) is { } sign)
            {
                found.Add(new LicenseStatement([OriginalNames.License], sign, OriginalNames.License.Id, StatementOrigin.Name));
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            found.Add(new LicenseStatement([License.Missing], "a file that cannot be read", error.GetType().Name)); // a licence never stops a run
        }

        if (declared is not null)
        {
            found.Add(new LicenseStatement(LicenseTable.InSentence(declared), "the recipe", declared, StatementOrigin.Recipe));
        }

        return LicenseSettlement.Of(kind, HubId.OrName(path), found);
    }

    /// <summary>What is known of works by their Hub ids or, for MediX-R1's own, by any name.</summary>
    internal static IEnumerable<LicenseStatement> Known(IEnumerable<string> names, StatementOrigin origin)
    {
        foreach (string name in names)
        {
            if (HubId.Of(name) is { } id && LicenseTable.OfHubId(id) is { } license)
            {
                yield return new LicenseStatement([license], $"what is known of {id}", license.Id, origin);
            }
            else if (OriginalNames.IsPath(name))
            {
                yield return new LicenseStatement([OriginalNames.License], $"the name {HubId.OrName(name)}, which is MediX-R1's", OriginalNames.License.Id, origin);
            }
        }
    }

    /// <summary>How the work is known to be MediX-R1's: by its name or its folder's, or by what its files say; null where it is not.</summary>
    private static string? Recognised(string path, string folder, string? above)
    {
        string[] places = [Path.GetFullPath(path), Path.GetFullPath(folder)];
        string? name = places.Where(OriginalNames.IsPath).Select(NameOf).FirstOrDefault() ?? (above is not null && OriginalNames.IsData(NameOf(above)) ? NameOf(above) : null);
        return name is not null
            ? $"the name {name}, which is MediX-R1's"
            : OriginalNames.StatedIn(folder, LicenseFiles.Read) ?? (above is null ? null : OriginalNames.StatedIn(above, LicenseFiles.Read));
    }

    private static string NameOf(string path) => Path.GetFileName(Path.TrimEndingDirectorySeparator(path));
}
