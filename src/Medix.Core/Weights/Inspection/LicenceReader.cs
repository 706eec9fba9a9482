using Medix.Runs;

namespace Medix.Weights.Inspection;

/// <summary>Finds a model's licence: what the model card's front matter says, else what the text of a licence file looks like.</summary>
internal static class LicenceReader
{
    private const int MostCharacters = 1 << 16;
    private const int LongestName = 120;
    private static readonly string[] FileNames = ["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "LICENCE.txt", "LICENCE.md", "COPYING"];

    // The first whose words all occur decides: more particular ones stand first.
    private static readonly (string Name, string[] Words)[] Texts =
    [
        ("apache-2.0", ["Apache License", "Version 2.0"]),
        ("agpl-3.0", ["GNU AFFERO GENERAL PUBLIC LICENSE", "Version 3"]),
        ("lgpl-3.0", ["GNU LESSER GENERAL PUBLIC LICENSE", "Version 3"]),
        ("gpl-3.0", ["GNU GENERAL PUBLIC LICENSE", "Version 3"]),
        ("gpl-2.0", ["GNU GENERAL PUBLIC LICENSE", "Version 2"]),
        ("cc-by-nc-sa-4.0", ["Attribution-NonCommercial-ShareAlike 4.0"]),
        ("cc-by-nc-nd-4.0", ["Attribution-NonCommercial-NoDerivatives 4.0"]),
        ("cc-by-nc-4.0", ["Attribution-NonCommercial 4.0"]),
        ("cc-by-sa-4.0", ["Attribution-ShareAlike 4.0"]),
        ("cc-by-4.0", ["Attribution 4.0 International"]),
        ("cc0-1.0", ["CC0 1.0 Universal"]),
        ("mit", ["Permission is hereby granted, free of charge", "THE SOFTWARE IS PROVIDED \"AS IS\""]),
        ("bsd-3-clause", ["Redistribution and use in source and binary forms", "Neither the name"]),
        ("bsd-2-clause", ["Redistribution and use in source and binary forms"]),
    ];

    /// <summary>The licence, or null where no file tells.</summary>
    public static LicenceSummary? Read(string folder)
    {
        string card = Path.Combine(folder, "README.md");
        if (File.Exists(card) && InFrontMatter(Beginning(card)) is { } named)
        {
            return new LicenceSummary(named, "README.md");
        }

        string? file = FileNames.FirstOrDefault(name => File.Exists(Path.Combine(folder, name)));
        return file is null ? null : new LicenceSummary(InText(Beginning(Path.Combine(folder, file))), file);
    }

    /// <summary>The lines of the model card's front matter that state its licence, for a card of the same weights; empty where there are none.</summary>
    public static IReadOnlyList<string> Stated(string folder)
    {
        string card = Path.Combine(folder, "README.md");
        string[] matter = File.Exists(card) ? FrontMatter(Beginning(card)) : [];
        int At(string key) => Array.FindIndex(matter, line => line.StartsWith(key + ":", StringComparison.Ordinal));
        return
        [
            .. ((string[])["license", "license_name", "license_link"]).Select(At).Where(at => at >= 0).SelectMany(at => (string[])
                [matter[at].TrimEnd(), .. matter.Skip(at + 1).TakeWhile(line => line.TrimStart().StartsWith("- ", StringComparison.Ordinal)).Select(line => line.TrimEnd())]),
        ];
    }

    private static string[] FrontMatter(string text)
    {
        string[] lines = text.TrimStart('\uFEFF').ReplaceLineEndings("\n").Split('\n');
        int end = lines[0].TrimEnd() == "---" ? Array.FindIndex(lines, 1, line => line.TrimEnd() == "---") : -1;
        return end < 0 ? [] : lines[1..end];
    }

    private static string? InFrontMatter(string text)
    {
        string[] matter = FrontMatter(text);
        string? Value(string key)
        {
            int at = Array.FindIndex(matter, line => line.StartsWith(key + ":", StringComparison.Ordinal));
            string after = at < 0 ? "" : Plain(matter[at][(key.Length + 1)..]);
            if (after.Length > 0 || at < 0)
            {
                return at < 0 ? null : after;
            }

            IEnumerable<string> items = matter.Skip(at + 1).Select(line => line.TrimStart()).TakeWhile(line => line.StartsWith("- ", StringComparison.Ordinal));
            return string.Join(", ", items.Select(item => Plain(item[2..])));
        }

        string? licence = Value("license");
        string? name = string.IsNullOrEmpty(licence) ? null : licence == "other" && Value("license_name") is { Length: > 0 } other ? $"other: {other}" : licence;
        return name is null || name.Length <= LongestName ? name : name[..LongestName] + "…";
    }

    // A value of YAML's one-line forms: plain, quoted, or a list in brackets, each with or without a comment.
    private static string Plain(string value)
    {
        int comment = value.IndexOf(" #", StringComparison.Ordinal);
        return string.Join(", ", (comment < 0 ? value : value[..comment]).Trim().Trim('[', ']')
            .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(part => part.Trim('"', '\'')));
    }

    private static string InText(string text)
    {
        string flat = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        string? known = Texts.FirstOrDefault(entry => entry.Words.All(word => flat.Contains(word, StringComparison.OrdinalIgnoreCase))).Name;
        return known ?? $"not recognised, it begins: {flat[..Math.Min(flat.Length, LongestName)]}";
    }

    private static string Beginning(string path)
    {
        try
        {
            using StreamReader reader = new(path);
            char[] text = new char[MostCharacters];
            return new string(text, 0, reader.ReadBlock(text));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new MedixException($"{path}: the file cannot be read ({fault.Message.TrimEnd('.')}). Check its permissions.", fault);
        }
    }
}
