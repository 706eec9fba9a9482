namespace Medix.Runs.Licenses;

/// <summary>
/// Writes out the table's lines for the families of Creative Commons (<c>CC-BY-SA-*</c>): a line for each version, after one for the version that a text does
/// not give.
/// </summary>
internal static class CommonsFamily
{
    private const string Any = "-*";
    private const string Hub = "other"; // with the name beside it: the Hub's "cc" would hide what the family asks
    private static readonly string[] Versions = ["1.0", "2.0", "2.5", "3.0", "4.0"];

    /// <summary>The lines that one line of fields stands for: itself unless it is a family.</summary>
    public static IEnumerable<string[]> Expand(string[] fields)
    {
        if (!fields[0].EndsWith(Any, StringComparison.Ordinal))
        {
            return [fields];
        }

        string family = fields[0][..^Any.Length];
        bool shareAlike = fields[2].Contains("share-alike", StringComparison.Ordinal);
        string[] names = Split(fields[3]), openings = Split(fields[4]);
        string Becomes(IEnumerable<string> later) => shareAlike ? string.Join(' ', later.Select(version => $"{family}-{version}").Append(fields[5])) : "";
        return
        [
            [family, Hub, fields[2], fields[3], "", Becomes(["4.0"])],
            .. Versions.Select(version => (string[])
            [
                $"{family}-{version}",
                fields[1].Split(' ').Contains(version) ? $"{family}-{version}".ToLowerInvariant() : Hub,
                fields[2],
                string.Join(';', names.SelectMany(name => Named(name, version)).Concat(openings.Select(opening => $"{opening} {version}"))),
                string.Join(';', openings.Select(opening => $"{opening} {version}")),
                version == "1.0" ? "" : Becomes(Versions.Where(other => string.CompareOrdinal(other, version) > 0)),
            ]),
        ];
    }

    /// <summary>"CC BY 4.0", "CC BY v4.0", "CC BY 4", "Creative Commons Attribution License 4.0", "… International 4.0".</summary>
    private static IEnumerable<string> Named(string name, string version)
    {
        IEnumerable<string> words = ["", "v", "version ", "license ", "licence ", "international ", "license version ", "international license "];
        IEnumerable<string> full = words.Select(word => $"{name} {word}{version}");
        return version is "2.0" or "3.0" or "4.0" ? full.Append($"{name} {version[0]}").Append($"{name} v{version[0]}") : full;
    }

    private static string[] Split(string text) => text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
