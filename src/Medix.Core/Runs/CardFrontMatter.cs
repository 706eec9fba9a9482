namespace Medix.Runs;

/// <summary>
/// The front matter of a Hugging Face card: the YAML between two lines <c>---</c> at the top of <c>README.md</c>. Reads what a card says at its top
/// level, a scalar or a list of scalars by key, and passes over deeper structure.
/// </summary>
public sealed class CardFrontMatter
{
    private const string Fence = "---";
    private readonly Dictionary<string, List<string>> values = new(StringComparer.Ordinal);

    private CardFrontMatter()
    {
    }

    /// <summary>The front matter of a card's text; without any key where it has none.</summary>
    public static CardFrontMatter Parse(string card)
    {
        var matter = new CardFrontMatter();
        string[] lines = card.TrimStart('\uFEFF').ReplaceLineEndings("\n").Split('\n');
        if (lines[0].TrimEnd() != Fence)
        {
            return matter;
        }

        string? key = null;
        foreach (string line in lines.Skip(1).TakeWhile(line => line.TrimEnd() != Fence).Where(line => line.Trim().Length > 0 && line.TrimStart()[0] != '#'))
        {
            key = matter.Add(line, key);
        }

        return matter;
    }

    /// <summary>The values of a key: none where it is absent or not a scalar or list of scalars.</summary>
    public IReadOnlyList<string> this[string key] => values.TryGetValue(key, out List<string>? found) ? found : [];

    /// <summary>Takes in one line and returns the key that list items below it belong to.</summary>
    private string? Add(string line, string? key)
    {
        string text = line.Trim();
        if (text.StartsWith("- ", StringComparison.Ordinal))
        {
            // "- name: x" begins a mapping, which is deeper structure; "- http://x" does not.
            if (key is not null && !text.Contains(": ", StringComparison.Ordinal) && !text.EndsWith(':'))
            {
                Of(key).Add(Scalar(text[2..]));
            }

            return key;
        }

        int colon = line.IndexOf(':', StringComparison.Ordinal);
        if (char.IsWhiteSpace(line[0]) || colon <= 0)
        {
            return null;
        }

        string name = Scalar(line[..colon]), rest = line[(colon + 1)..].Trim();
        if (rest.StartsWith('[') && rest.EndsWith(']'))
        {
            Of(name).AddRange(rest[1..^1].Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Scalar));
        }
        else if (rest.Length > 0 && rest[0] is not ('|' or '>' or '{'))
        {
            Of(name).Add(Scalar(rest));
        }

        return name;
    }

    private List<string> Of(string key) => values.TryGetValue(key, out List<string>? found) ? found : values[key] = [];

    private static string Scalar(string text)
    {
        string value = text.Trim();
        if (value.Length >= 2 && value[0] is '"' or '\'' && value[0] == value[^1])
        {
            return value[1..^1];
        }

        int comment = value.IndexOf(" #", StringComparison.Ordinal);
        return comment < 0 ? value : value[..comment].TrimEnd();
    }
}
