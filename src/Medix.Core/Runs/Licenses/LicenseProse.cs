using System.Text.RegularExpressions;

namespace Medix.Runs.Licenses;

/// <summary>What people write about licences in lines of a README.md or SOURCE.md, apart from the licences' names.</summary>
internal static partial class LicenseProse
{
    private const int Longest = 120;
    private const int MostLines = 20;

    /// <summary>Whether the words say of all or a part that it has no licence or that nobody knows it. That a file is missing does not say so.</summary>
    public static bool SaysNone(string text) => None().IsMatch(text);

    /// <summary>Whether the words say that a part comes under terms which they do not name.</summary>
    public static bool SaysOwnTerms(string text) => OwnTerms().IsMatch(text);

    /// <summary>The texts of all lines such as "**Licence as stated:** CC BY 4.0".</summary>
    public static IReadOnlyList<string> Lines(string text) =>
        [.. Line().Matches(text).Take(MostLines).Select(match => match.Groups["text"].Value.Trim()).Where(line => line.Length > 0)];

    /// <summary>The text of the first such line, table row, or paragraph under a heading "License" of a card.</summary>
    public static string? InCard(string text) => CardLine().Match(text) is { Success: true } match ? match.Groups["text"].Value.Trim() : null;

    /// <summary>The beginning of a long text.</summary>
    public static string Shortened(string text) => text.Trim() is var plain && plain.Length > Longest ? plain[..Longest] + "…" : plain;

    [GeneratedRegex(
        """
        \b(?:no|without(?:\ an?|\ any)?|unknown|unstated|unspecified)\ (?:explicit\ |stated\ |known\ |clear\ )?licen[cs]es?\b
            (?!\ files?\b)(?![^.;]*\b(?:left\ out|excluded|removed|dropped|omitted)\b)
        | \blicen[cs]es?(?:\ is|\ are|\ was)?:?\ (?:not\ (?:stated|given|known|specified|found)|unknown|unclear|none|missing)\b
        | \bunlicen[cs]ed\b
        | (?:^|[,;:(/|]|\band\b)\s*(?:none|unknown|unstated|unspecified|n/a|not\ (?:stated|known|specified))\s*(?=$|[,;.)(/|]|x\s?\d|for\b|of\b)
        | ^\W*$
        """,
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex None();

    [GeneratedRegex(@"\b(?:own|other) terms\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex OwnTerms();

    [GeneratedRegex(@"^\W*Licen[cs]es?(?: as stated)?\W*:[ *]*(?<text>.+)$", RegexOptions.Multiline | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Line();

    [GeneratedRegex(
        @"^[ \t*|>-]*licen[cs]e(?: as stated)?[ \t*]*[:|]\**(?<text>[^\n]*)|^#+[ \t]*licen[cs]e[ \t\r]*\n\s*(?<text>[^\n]+)",
        RegexOptions.Multiline | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex CardLine();
}
