using System.Text;
using System.Text.RegularExpressions;

namespace Medix.Runs.Licenses;

/// <summary>
/// The licences Medix knows: a table in a resource file. Names are compared as words, without case, punctuation or blanks, because cards write
/// "cc-by-nc-sa-4.0" where prose writes "CC BY-NC-SA (4.0)".
/// </summary>
public static partial class LicenseTable
{
    private static readonly IReadOnlyList<Row> Rows = [.. Lines("licenses.txt").SelectMany(CommonsFamily.Expand).Select(Parse)];
    private static readonly IReadOnlyList<Phrase> Names = Phrases(row => row.Names);
    private static readonly IReadOnlyList<Phrase> Openings = Phrases(row => row.Openings);
    private static readonly IReadOnlyList<KnownSource> Sources = [.. Lines("known-sources.txt").Select(fields => new KnownSource(fields[0], Named(fields[1]), fields[2]))];

    private sealed record Row(License License, IReadOnlyList<string> Names, IReadOnlyList<string> Openings);

    private sealed record Phrase(string Words, License License);

    private sealed record KnownSource(string Beginning, License License, string What);

    /// <summary>All licences, from the least demanding to the most demanding.</summary>
    public static IReadOnlyList<License> All { get; } = [.. Rows.Select(row => row.License)];

    /// <summary>The licence of that SPDX id, Hub id or usual name; an unlisted one of unknown terms for any other text.</summary>
    public static License Named(string name)
    {
        string words = Words(name);
        return Names.FirstOrDefault(phrase => phrase.Words == words)?.License ?? License.Unlisted(name.Trim());
    }

    /// <summary>Every licence that a sentence mentions, in its order and each once: "CC BY 4.0 x6, CC BY-SA x1" gives two. Empty where none is.</summary>
    public static IReadOnlyList<License> MentionedIn(string prose) => [.. Find(Names, prose).Select(found => found.License).Distinct()];

    /// <summary>
    /// The licences of a sentence, and for what it leaves open one of unknown terms: <see cref="License.Missing"/> for "(no licence)", an unlisted one for "own
    /// terms" or for words without any known name. Never empty.
    /// </summary>
    public static IReadOnlyList<License> InSentence(string prose)
    {
        License whole = Named(prose);
        if (whole.Rank >= 0)
        {
            return [whole];
        }

        List<License> all = [.. MentionedIn(prose)];
        if (LicenseProse.SaysNone(prose))
        {
            all.Add(License.Missing);
        }

        if (LicenseProse.SaysOwnTerms(prose))
        {
            all.Add(License.Unlisted("terms of its own"));
        }

        return all.Count > 0 ? all : [License.Unlisted(LicenseProse.Shortened(prose))];
    }

    /// <summary>The licence whose own text this is (a LICENSE file), told by the words it opens with; null where no opening is known.</summary>
    public static License? OfText(string text) => Find(Openings, text).FirstOrDefault()?.License;

    /// <summary>The licence that is known for a model or data set by its Hub id (<c>OWNER/NAME</c>), or null.</summary>
    public static License? OfHubId(string id) => Sources.FirstOrDefault(s => id.StartsWith(s.Beginning, StringComparison.OrdinalIgnoreCase))?.License;

    /// <summary>Phrases in the text, from left to right, the longest where several begin at one place, none inside another.</summary>
    private static IEnumerable<Phrase> Find(IReadOnlyList<Phrase> phrases, string text)
    {
        string words = $" {Words(text)} ";
        for (int at = 0; at >= 0 && at < words.Length - 1;)
        {
            Phrase? found = phrases.FirstOrDefault(phrase => words.AsSpan(at + 1).StartsWith(phrase.Words) && words[at + 1 + phrase.Words.Length] == ' ');
            if (found is not null)
            {
                yield return found;
            }

            at = found is null ? words.IndexOf(' ', at + 1) : at + 1 + found.Words.Length;
        }
    }

    private static Phrase[] Phrases(Func<Row, IReadOnlyList<string>> texts) =>
        [.. Rows.SelectMany(row => texts(row).Select(text => new Phrase(Words(text), row.License))).OrderByDescending(phrase => phrase.Words.Length)];

    private static Row Parse(string[] fields, int rank)
    {
        LicenseTerms terms = Split(fields[2], ' ')
            .Select(word => Enum.Parse<LicenseTerms>(word.Replace("-", "", StringComparison.Ordinal), ignoreCase: true))
            .Aggregate((all, term) => all | term);
        var license = new License(fields[0], fields[1], terms, Split(fields[5], ' '), rank);
        return new Row(license, [fields[0], .. fields[1] == "other" ? Array.Empty<string>() : [fields[1]], .. Split(fields[3], ';')], Split(fields[4], ';'));
    }

    private static string[] Split(string text, char separator) => text.Split(separator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static IEnumerable<string[]> Lines(string resource)
    {
        using Stream stream = typeof(LicenseTable).Assembly.GetManifestResourceStream($"Medix.Runs.Licenses.Resources.{resource}")!;
        using var reader = new StreamReader(stream);
        return [.. reader.ReadToEnd().Split('\n').Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split('|', StringSplitOptions.TrimEntries))];
    }

    /// <summary>Letters and digits in lower case with single blanks between words.</summary>
    private static string Words(string text)
    {
        var words = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            if (char.IsLetterOrDigit(c))
            {
                words.Append(char.ToLowerInvariant(c));
            }
            else if (words.Length > 0 && words[^1] != ' ')
            {
                words.Append(' ');
            }
        }

        string plain = words.ToString().TrimEnd();
        return SeparatedWords().Replace(plain, match => match.Groups[1].Value + match.Groups[2].Value);
    }

    /// <summary>Words that are written as one or as two.</summary>
    [GeneratedRegex(@"\b(non|share|no) (commercial|alike|derivatives|derivs)\b")]
    private static partial Regex SeparatedWords();
}
