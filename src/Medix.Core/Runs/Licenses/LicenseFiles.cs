using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Medix.Runs.Licenses;

/// <summary>The files beside a work that say something about its licence.</summary>
internal static partial class LicenseFiles
{
    private const string Card = "README.md";
    private const string Source = "SOURCE.md";
    private const int MaxBytes = 1 << 20;
    private const int MaxLicenseFiles = 8;
    private const int NoteLength = 400;

    /// <summary>What a folder's own files say; <paramref name="references"/> are the keys of the card's front matter that name other works.</summary>
    public static IEnumerable<LicenseStatement> OfFolder(string folder, string[] references)
    {
        LicenseStatement? card = OfMatter(folder) ?? OfCardLine(folder);
        IEnumerable<LicenseStatement?> own = [card, OfSource(folder), OfTexts(folder)];
        return [.. own.OfType<LicenseStatement>(), .. OfWorks(folder, references), .. LicenseReader.Known(NamesInConfig(folder), StatementOrigin.Base)];
    }

    /// <summary>What the files of the folder above say. There a LICENSE or a line is more likely the project's than the data's: only a card counts.</summary>
    public static IEnumerable<LicenseStatement> OfFolderAbove(string folder, string[] references, bool isNeeded)
    {
        LicenseStatement? card = OfMatter(folder);
        LicenseStatement? source = isNeeded && card is null ? OfSource(folder) : null;
        return [.. ((LicenseStatement?[])[card, source]).OfType<LicenseStatement>(), .. OfWorks(folder, references)];
    }

    /// <summary>The beginning of a text file, or null where there is none.</summary>
    public static string? Read(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        using FileStream stream = File.OpenRead(path);
        byte[] bytes = new byte[Math.Min(stream.Length, MaxBytes)];
        int count = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return Encoding.UTF8.GetString(bytes, 0, count);
    }

    private static LicenseStatement? OfMatter(string folder)
    {
        CardFrontMatter? matter = Matter(folder);
        string[] stated = matter is null ? []
            : [.. matter["license"].SelectMany(license => license == "other" && matter["license_name"].Count > 0 ? matter["license_name"] : [license])];
        return stated.Length == 0 ? null : new LicenseStatement(
            [.. stated.Select(name => LicenseProse.SaysNone(name) ? License.Missing : LicenseTable.Named(name)).Distinct()], Card, string.Join(", ", stated));
    }

    private static LicenseStatement? OfCardLine(string folder) =>
        Read(Path.Combine(folder, Card)) is { } card && LicenseProse.InCard(WithoutMatter().Replace(card, "", 1)) is { } line
            && (LicenseTable.MentionedIn(line).Count > 0 || LicenseProse.SaysNone(line))
                ? new LicenseStatement(LicenseTable.InSentence(line), Card, line) : null;

    private static LicenseStatement? OfSource(string folder)
    {
        IReadOnlyList<string> lines = LicenseProse.Lines(Read(Path.Combine(folder, Source)) ?? "");
        return lines.Count == 0 ? null : new LicenseStatement([.. lines.SelectMany(LicenseTable.InSentence).Distinct()], Source, string.Join("; ", lines));
    }

    /// <summary>All LICENSE files as one statement: of a work that comes under two there are two.</summary>
    private static LicenseStatement? OfTexts(string folder)
    {
        IEnumerable<string> files = Directory.Exists(folder) ? Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path)) : [];
        string[] names = [.. files.Where(name => LicenseName().IsMatch(name)).Order(StringComparer.Ordinal).Take(MaxLicenseFiles)];
        License[] licenses = [.. names.SelectMany(name => OfText(name, Read(Path.Combine(folder, name)) ?? "")).Distinct()];
        return licenses.Length == 0 ? null : new LicenseStatement(
            licenses, string.Join(", ", names), string.Join(", ", licenses.Select(license => license.Rank >= 0 ? license.Id : "a text that Medix does not know")));
    }

    private static IReadOnlyList<License> OfText(string name, string text)
    {
        if (LicenseTable.OfText(text) is { } license)
        {
            return [license];
        }

        IReadOnlyList<License> mentioned = text.Length <= NoteLength ? LicenseTable.MentionedIn(text) : [];
        return mentioned.Count > 0 ? mentioned : [License.Unlisted(name)];
    }

    private static IEnumerable<LicenseStatement> OfWorks(string folder, string[] references) =>
        Matter(folder) is { } matter ? LicenseReader.Known(references.SelectMany(key => matter[key]), StatementOrigin.Base) : [];

    private static CardFrontMatter? Matter(string folder) => Read(Path.Combine(folder, Card)) is { } card ? CardFrontMatter.Parse(card) : null;

    /// <summary>What transformers and PEFT leave in a folder's config of the model it was made from: a Hub id, or a path on another machine.</summary>
    private static IEnumerable<string> NamesInConfig(string folder) =>
        new[] { ("config.json", "_name_or_path"), ("adapter_config.json", "base_model_name_or_path") }
            .Select(place => Read(Path.Combine(folder, place.Item1)) is { } text ? Field(text, place.Item2) : null).OfType<string>();

    private static string? Field(string json, string field)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty(field, out JsonElement value)
                && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return null; // whoever loads the model says what is wrong with its config
        }
    }

    [GeneratedRegex(@"^(?:licen[cs]e|copying)(?:[._-].*)?$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex LicenseName();

    [GeneratedRegex(@"\A\uFEFF?---[ \t\r]*\n.*?^---[ \t\r]*$", RegexOptions.Singleline | RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex WithoutMatter();
}
