namespace Medix.Runs.Licenses;

/// <summary>What a model card says of licences, at its top and in its text.</summary>
internal static class LicenseSection
{
    private static readonly string[] Head = ["Part", "Name", "Licence", "Read from", "In its words"];

    /// <summary>The front matter's lines. The Hub takes "other" with a name for whatever is not in its list.</summary>
    /// <param name="derivative">Id of the licence that the model must have, or null where it cannot be told.</param>
    /// <param name="conflict">Whether that is because the parts' licences conflict.</param>
    public static IEnumerable<string> FrontMatter(string? derivative, bool conflict)
    {
        string id = derivative is null ? "other" : LicenseTable.Named(derivative).HubId;
        return id != "other" ? [Yaml.Pair("license", id)] :
        [
            Yaml.Pair("license", id),
            Yaml.Pair("license_name", derivative?.ToLowerInvariant() ?? (conflict ? "conflicting" : "unknown")),
        ];
    }

    /// <summary>The verdict, a table of the parts (kind, name, licence, where it was read, its words; none escaped yet) and the warnings.</summary>
    public static string Body(string? derivative, bool conflict, IEnumerable<IReadOnlyList<string>> parts, IReadOnlyList<string> warnings)
    {
        string verdict = derivative is not null
            ? $"This model may be passed on under **{Markdown.Text(derivative)}**, the most demanding of its parts' licences that satisfies all."
            : conflict ? "**The parts' licences conflict: do not pass this model on before that is settled.**"
            : "**The licence of a part is not known: find it out before passing this model on.**";
        string table = Markdown.Table(Head, parts.Select(part => (IReadOnlyList<string>)[.. part.Select(Markdown.Text)]));
        string list = warnings.Count == 0 ? "" : $"\n\n{Markdown.List(warnings.Select(Markdown.Text))}";
        return $"{verdict}\n\n{table}{list}\n\nRead by a program from names and files; no legal advice.";
    }
}
