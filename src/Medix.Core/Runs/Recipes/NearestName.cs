namespace Medix.Runs.Recipes;

/// <summary>Finds the known name nearest to a misspelt one, by edit distance with swaps (Damerau-Levenshtein, optimal string alignment).</summary>
public static class NearestName
{
    /// <summary>A sentence for an error message: the nearest known name, or the whole list when none is near.</summary>
    public static string Suggest(string name, IEnumerable<string> known)
    {
        List<string> names = [.. known.Order(StringComparer.Ordinal)];
        string? best = names.MinBy(k => Distance(name.ToLowerInvariant(), k.ToLowerInvariant()));
        return best is not null && Distance(name.ToLowerInvariant(), best.ToLowerInvariant()) <= Math.Max(2, name.Length / 3)
            ? $"Did you mean \"{best}\"?"
            : $"Known here: {string.Join(", ", names)}.";
    }

    /// <summary>Number of insertions, deletions, replacements and swaps of neighbours that turn one text into the other.</summary>
    public static int Distance(string a, string b)
    {
        int[,] d = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++)
        {
            for (int j = 0; j <= b.Length; j++)
            {
                d[i, j] = i == 0 ? j : j == 0 ? i
                    : Math.Min(Math.Min(d[i - 1, j] + 1, d[i, j - 1] + 1), d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
                }
            }
        }

        return d[a.Length, b.Length];
    }
}
