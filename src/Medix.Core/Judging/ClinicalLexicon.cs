using System.Reflection;

namespace Medix.Judging;

/// <summary>What a word does in a clinical phrase.</summary>
internal enum WordRole
{
    /// <summary>It carries meaning.</summary>
    Content,

    /// <summary>It says nothing in a short answer.</summary>
    Filler,

    /// <summary>It negates its phrase.</summary>
    Negation,

    /// <summary>Left.</summary>
    Left,

    /// <summary>Right.</summary>
    Right,

    /// <summary>Both sides.</summary>
    Both,

    /// <summary>It joins two phrases.</summary>
    And,

    /// <summary>It offers an alternative or a doubt.</summary>
    Or,

    /// <summary>It gives the order of words a meaning.</summary>
    Ordered,
}

/// <summary>
/// The word lists of the rule judge, read from the embedded resource <c>clinical-words.txt</c>: roles of words, abbreviations, and groups of
/// names for one thing. Immutable once loaded.
/// </summary>
internal sealed class ClinicalLexicon
{
    private const int LongestPhrase = 6;

    private readonly Dictionary<string, WordRole> _roles = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string[]> _expansions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _words = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _phrases = new(StringComparer.Ordinal);
    private readonly HashSet<string> _inPhrases = new(StringComparer.Ordinal);

    private ClinicalLexicon(string[] lines)
    {
        List<string[]> groups = [];
        string section = "";
        foreach (string line in lines.Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#'))
        {
            if (line[0] == '[')
            {
                section = line[1..^1];
            }
            else if (section == "same")
            {
                groups.Add(line.Split(" = "));
            }
            else if (section == "expand")
            {
                string[] sides = line.Split(" = ");
                _expansions.Add(sides[0], sides[1].Replace('-', ' ').Split(' '));
            }
            else
            {
                WordRole role = RoleOf(section);
                Array.ForEach(line.Split(' '), word => _roles[word] = role);
            }
        }

        AddGroups(groups);
    }

    /// <summary>The embedded lists.</summary>
    public static ClinicalLexicon Default { get; } = new(Resource("clinical-words.txt").Split('\n'));

    /// <summary>What a word, in lower case and before stemming, does.</summary>
    public WordRole Role(string word) => _roles.GetValueOrDefault(word, WordRole.Content);

    /// <summary>The words an abbreviation stands for, or null.</summary>
    public string[]? Expand(string word) => _expansions.GetValueOrDefault(word);

    /// <summary>The name of a word's group, or its stem.</summary>
    public string Canonical(string word)
    {
        string stem = Spelling.Stem(word);
        return _words.GetValueOrDefault(stem, stem);
    }

    /// <summary>Replaces phrases that name one thing by their group's name; longest first, words of a phrase in any order.</summary>
    public void ReplacePhrases(List<string> words)
    {
        for (int at = 0; at < words.Count; at++)
        {
            int run = 0;
            while (run < LongestPhrase && at + run < words.Count && _inPhrases.Contains(words[at + run]))
            {
                run++;
            }

            for (int length = run; length > 1; length--)
            {
                if (_phrases.TryGetValue(Key(words, at, length), out string? name))
                {
                    words[at] = name;
                    words.RemoveRange(at + 1, length - 1);
                    break;
                }
            }
        }
    }

    /// <summary>Reads an embedded text of this folder.</summary>
    public static string Resource(string file)
    {
        Assembly assembly = typeof(ClinicalLexicon).Assembly;
        string name = assembly.GetManifestResourceNames().Single(name => name.EndsWith("Judging.Resources." + file, StringComparison.Ordinal));
        using StreamReader reader = new(assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }

    private void AddGroups(List<string[]> groups)
    {
        // Single words first: the words inside phrases are then known by their group's name, as they will be in texts.
        foreach (string[] group in groups)
        {
            foreach (string form in group.Where(form => WordsOf(form).Length == 1))
            {
                _words.TryAdd(Spelling.Stem(form), GroupName(group));
            }
        }

        foreach (string[] group in groups)
        {
            foreach (string form in group)
            {
                List<string> words = [.. WordsOf(form).Where(word => Role(word) == WordRole.Content).Select(Canonical)];
                if (words.Count > 1)
                {
                    ReplacePhrases(words);
                    words.ForEach(word => _inPhrases.Add(word));
                    _phrases.TryAdd(Key(words, 0, words.Count), GroupName(group));
                }
            }
        }
    }

    private static string[] WordsOf(string form) => form.Replace('-', ' ').Split(' ');

    private static string GroupName(string[] group) => "=" + group[0];

    private static string Key(List<string> words, int at, int length)
    {
        string[] key = [.. words.GetRange(at, length)];
        Array.Sort(key, StringComparer.Ordinal);
        return string.Join(' ', key);
    }

    private static WordRole RoleOf(string section) => section switch
    {
        "filler" => WordRole.Filler,
        "no" => WordRole.Negation,
        "left" => WordRole.Left,
        "right" => WordRole.Right,
        "both" => WordRole.Both,
        "and" => WordRole.And,
        "or" => WordRole.Or,
        "ordered" => WordRole.Ordered,
        _ => throw new InvalidOperationException($"clinical-words.txt has a section [{section}] that nothing reads."),
    };
}
