using Medix.Runs;
using Medix.Runs.Licenses;
using Medix.Weights.Inspection;

namespace Medix.Weights;

/// <summary>
/// The model card of packed weights. It is short and its own: the original's card has the original's numbers. What packing cost stands in a file beside it; the licence is
/// the original's, for these are the same weights in another form.
/// </summary>
public static class PackedModelCard
{
    /// <summary>Writes <c>README.md</c>.</summary>
    /// <param name="folder">Folder to write into.</param>
    /// <param name="original">Folder of the model that is packed.</param>
    /// <param name="storage">How it is packed, in a word.</param>
    /// <param name="report">The file in the folder that says what packing cost.</param>
    public static void Write(string folder, string original, string storage, string report)
    {
        ArgumentNullException.ThrowIfNull(folder);
        string path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(original));
        LicensedPart weights = LicenseReader.OfModel(path, path, null) with { Kind = "original" };
        AtomicFile.WriteAllText(Path.Combine(folder, "README.md"), Text(LicenseCheck.Combine([weights]), weights, LicenceReader.Stated(path), storage, report));
    }

    private static string Text(LicenseVerdict verdict, LicensedPart original, IReadOnlyList<string> stated, string storage, string report)
    {
        string version = typeof(PackedModelCard).Assembly.GetName().Version!.ToString(3);
        // Terms that are not known here still have the name that the original gives them.
        bool asStated = verdict is { Derivative: null, Conflicts: false } && stated.Count > 0;
        IEnumerable<string> matter =
        [
            "---",
            .. asStated ? stated : LicenseSection.FrontMatter(verdict.Derivative?.Id, verdict.Conflicts),
            Yaml.Pair("base_model", original.Name),
            Yaml.Pair("base_model_relation", "quantized"),
            Yaml.Pair("library_name", "medix"),
            .. Yaml.List("tags", ["medix", "not-for-clinical-use"]),
            "---",
        ];
        return $"""
            {string.Join('\n', matter)}

            # {Markdown.Text(original.Name)}, packed

            **This model is a research artefact, not for clinical use.** Its answers are not medical advice and must not be used for the care of patients.

            {Markdown.Text(original.Name)} packed as {Markdown.Text(storage)} by Medix {version}. What that cost, as far as it was measured, stands in
            [{report}]({report}); what the original's card reports was measured on other weights.

            ## Licence

            {LicenseSection.Body(
                verdict.Derivative?.Id, verdict.Conflicts,
                verdict.Parts.Select(part => (string[])[part.Kind, part.Name, part.Names, part.ReadFrom, part.Stated]), verdict.Warnings)}

            """;
    }
}
