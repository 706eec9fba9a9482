using Medix.Runs;
using Medix.Runs.Licenses;

namespace Medix.Weights.Adapters;

/// <summary>
/// The model card of weights that an adapter went into or came out of. It is short and its own: the base's card has the base's numbers, which nobody measured on
/// these weights.
/// </summary>
internal static class MergedModelCard
{
    /// <summary>Writes <c>README.md</c> and copies the adapter's licence files, with "-adapter" behind their names, beside those of the model.</summary>
    /// <param name="folder">Folder to write into.</param>
    /// <param name="title">The model's name.</param>
    /// <param name="model">Folder of the model that was changed.</param>
    /// <param name="adapter">Folder of the adapter.</param>
    /// <param name="adapterId">SHA-256 of the adapter's weights file.</param>
    /// <param name="merge">In, rather than out.</param>
    public static void Write(string folder, string title, string model, string adapter, string adapterId, bool merge)
    {
        LicensedPart weights = PartOf(merge ? "base" : "merged model", model), added = PartOf("adapter", adapter);
        LicenseVerdict verdict = LicenseCheck.Combine(merge ? [weights, added] : [weights]);
        if (merge)
        {
            ModelSideFiles.CopyLicences(adapter, folder, "-adapter");
        }

        AtomicFile.WriteAllText(Path.Combine(folder, "README.md"), Text(title, weights.Name, added.Name, adapterId, verdict, merge));
    }

    private static string Text(string title, string model, string adapter, string adapterId, LicenseVerdict verdict, bool merge)
    {
        string version = typeof(MergedModelCard).Assembly.GetName().Version!.ToString(3);
        string made = merge ? "merged into its weights" : "taken out of its weights";
        IEnumerable<string> matter =
        [
            "---",
            .. LicenseSection.FrontMatter(verdict.Derivative?.Id, verdict.Conflicts),
            Yaml.Pair("base_model", model),
            Yaml.Pair("base_model_relation", "finetune"),
            Yaml.Pair("library_name", "transformers"),
            Yaml.Pair("pipeline_tag", "image-text-to-text"),
            .. Yaml.List("tags", ["medix", "qwen3_vl", "medical", "not-for-clinical-use"]),
            "---",
        ];
        return $"""
            {string.Join('\n', matter)}

            # {Markdown.Text(title)}

            **This model is a research artefact, not for clinical use.** Its answers are not medical advice and must not be used for the care of patients.

            {Markdown.Text(model)} with the LoRA adapter {Markdown.Text(adapter)} {made} by Medix {version}.
            SHA-256 of the adapter's weights: {adapterId}.

            Nothing was measured on these weights: what the cards of the base and of the adapter report was measured on other ones.

            ## Intended use

            Research on medical vision-language models. Out of scope: diagnosis, triage, treatment, advice to patients, and any decision about a person.

            ## Licence

            {LicenseSection.Body(
                verdict.Derivative?.Id, verdict.Conflicts,
                verdict.Parts.Select(part => (string[])[part.Kind, part.Name, part.Names, part.ReadFrom, part.Stated]), verdict.Warnings)}

            """;
    }

    private static LicensedPart PartOf(string kind, string folder)
    {
        string path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        return LicenseReader.OfModel(path, path, null) with { Kind = kind };
    }
}
