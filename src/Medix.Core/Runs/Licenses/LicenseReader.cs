using System.Text.Json;
using System.Text.RegularExpressions;

namespace Medix.Runs.Licenses;

/// <summary>One of the works that a trained model is made of, and the licences it comes under.</summary>
/// <param name="Kind">"weights" or "data".</param>
/// <param name="Name">Hub id, or the last name of its path.</param>
/// <param name="Licenses">Its licences; several where it is itself made of several works. Empty where none was found.</param>
/// <param name="ReadFrom">Where they were read, for a person to check.</param>
/// <param name="Stated">The words found there.</param>
public sealed record LicensedPart(string Kind, string Name, IReadOnlyList<License> Licenses, string ReadFrom, string Stated)
{
    /// <summary>The licences by name.</summary>
    public string Names => Licenses.Count == 0 ? License.Missing.Id : string.Join(", ", Licenses);
}

/// <summary>
/// Reads under what licence a folder's model or data set comes: what the recipe says; else the front matter of its <c>README.md</c> with what is known of
/// the works it names, <c>SOURCE.md</c>, and the words that its LICENSE file opens with, in this order.
/// </summary>
public static partial class LicenseReader
{
    private const int MaxBytes = 1 << 20;
    private static readonly string[] TextNames = ["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "LICENCE.txt", "LICENCE.md", "COPYING", "License.txt"];

    private sealed record Finding(IReadOnlyList<License> Licenses, string ReadFrom, string Stated);

    /// <summary>The licence of a model's weights.</summary>
    /// <param name="path">What the recipe calls it: a Hub id, a path, or "nano".</param>
    /// <param name="folder">The folder it lies in.</param>
    /// <param name="declared">The recipe's word, or null to look.</param>
    public static LicensedPart OfModel(string path, string folder, string? declared) => Of("weights", path, [folder], declared, ["base_model", "datasets"]);

    /// <summary>The licence of a data set. Of a file it is that of its folder; of a folder <c>data</c> the card may lie one above.</summary>
    /// <param name="path">The recipe's path: a file or a folder.</param>
    /// <param name="declared">The recipe's word, or null to look.</param>
    public static LicensedPart OfData(string path, string? declared)
    {
        string folder = Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;
        string? above = Path.GetFileName(Path.TrimEndingDirectorySeparator(folder)) == "data" ? Path.GetDirectoryName(Path.GetFullPath(folder)) : null;
        return Of("data", path, above is null ? [folder] : [folder, above], declared, ["source_datasets", "base_model"]);
    }

    private static LicensedPart Of(string kind, string path, string[] folders, string? declared, string[] references)
    {
        string name = HubId.OrName(path);
        if (declared is not null)
        {
            return new LicensedPart(kind, name, Prose(declared), "the recipe", declared);
        }

        List<Finding> found = [.. Known([HubId.Of(path), NameInConfig(folders[0])])];
        foreach ((string folder, bool isOwn) in folders.Select((folder, i) => (folder, i == 0)))
        {
            // One above, a LICENSE is more likely the project's than the data's: there only a card counts.
            found.AddRange(Card(folder, references));
            if (found.Count == 0 && (Source(folder) ?? (isOwn ? Text(folder) : null)) is { } other)
            {
                found.Add(other);
            }
        }

        return found.Count == 0
            ? new LicensedPart(kind, name, [], "nowhere", "")
            : new LicensedPart(
                kind, name, [.. found.SelectMany(f => f.Licenses).Distinct()],
                string.Join("; ", found.Select(f => f.ReadFrom).Distinct()), string.Join("; ", found.Select(f => f.Stated).Distinct()));
    }

    private static IEnumerable<Finding> Known(IEnumerable<string?> ids) => ids.OfType<string>()
        .Select(id => (id, license: LicenseTable.OfHubId(id)))
        .Where(known => known.license is not null)
        .Select(known => new Finding([known.license!], $"what is known of {known.id}", known.license!.Id));

    private static List<Finding> Card(string folder, string[] references)
    {
        if (Read(Path.Combine(folder, "README.md")) is not { } card)
        {
            return [];
        }

        CardFrontMatter matter = CardFrontMatter.Parse(card);
        string[] stated = [.. matter["license"].SelectMany(license => license == "other" && matter["license_name"].Count > 0 ? matter["license_name"] : [license])];
        Finding[] own = stated.Length == 0 ? [] : [new Finding([.. stated.Select(LicenseTable.Named)], "README.md", string.Join(", ", stated))];
        return [.. own, .. Known(references.SelectMany(key => matter[key]))];
    }

    private static Finding? Source(string folder)
    {
        Match stated = Stated().Match(Read(Path.Combine(folder, "SOURCE.md")) ?? "");
        return stated.Success ? new Finding(Prose(stated.Groups[1].Value), "SOURCE.md", stated.Groups[1].Value.Trim()) : null;
    }

    private static Finding? Text(string folder)
    {
        string? name = TextNames.FirstOrDefault(name => File.Exists(Path.Combine(folder, name)));
        return name is null ? null
            : LicenseTable.OfText(Read(Path.Combine(folder, name))!) is { } license ? new Finding([license], name, license.Id)
            : new Finding([License.Unlisted(name)], name, "a text that Medix does not know");
    }

    /// <summary>A name exactly, or all the names within a sentence; a sentence without any is an unlisted licence.</summary>
    private static IReadOnlyList<License> Prose(string text)
    {
        License whole = LicenseTable.Named(text);
        IReadOnlyList<License> mentioned = LicenseTable.MentionedIn(text);
        return whole.Rank >= 0 || mentioned.Count == 0 ? [whole] : mentioned;
    }

    /// <summary>The Hub id that transformers and PEFT leave in a folder's config, or null.</summary>
    private static string? NameInConfig(string folder)
    {
        foreach ((string file, string field) in new[] { ("config.json", "_name_or_path"), ("adapter_config.json", "base_model_name_or_path") })
        {
            if (Read(Path.Combine(folder, file)) is { } text && Field(text, field) is { } name)
            {
                return HubId.Of(name);
            }
        }

        return null;
    }

    private static string? Field(string json, string field)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty(field, out JsonElement value)
                && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (JsonException)
        {
            return null; // whoever loads the model says what is wrong with its config
        }
    }

    /// <summary>The beginning of a text file, or null where there is none.</summary>
    private static string? Read(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        using FileStream stream = File.OpenRead(path);
        byte[] bytes = new byte[Math.Min(stream.Length, MaxBytes)];
        int count = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return System.Text.Encoding.UTF8.GetString(bytes, 0, count);
    }

    [GeneratedRegex(@"^\W*Licen[cs]e(?: as stated)?\W*:[ *]*(.+)$", RegexOptions.Multiline | RegexOptions.IgnoreCase)]
    private static partial Regex Stated();
}
