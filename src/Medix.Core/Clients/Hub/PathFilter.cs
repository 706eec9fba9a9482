using System.Text;
using System.Text.RegularExpressions;
using Medix.Runs;

namespace Medix.Clients.Hub;

/// <summary>
/// Chooses files by shell patterns over the whole path: <c>*</c> (also across folders), <c>?</c>, <c>[abc]</c>, <c>[!abc]</c>; a pattern that ends in <c>/</c> is a folder.
/// Upper and lower case matter.
/// </summary>
internal sealed class PathFilter(IReadOnlyList<string> include, IReadOnlyList<string> exclude)
{
    private readonly Regex[] included = [.. include.Select(Compile)];
    private readonly Regex[] excluded = [.. exclude.Select(Compile)];

    public bool Takes(string path) => (included.Length == 0 || included.Any(r => r.IsMatch(path))) && !excluded.Any(r => r.IsMatch(path));

    private static Regex Compile(string pattern)
    {
        string whole = pattern.Replace('\\', '/');
        whole = whole.EndsWith('/') ? whole + "*" : whole;
        var text = new StringBuilder(@"\A");
        for (int i = 0; i < whole.Length; i++)
        {
            int close = ClosingBracket(whole, i);
            if (close > 0)
            {
                text.Append(Set(whole[(i + 1)..close]));
                i = close;
            }
            else
            {
                text.Append(whole[i] switch { '*' => "(?s:.*)", '?' => "(?s:.)", char c => Regex.Escape(c.ToString()) });
            }
        }

        try
        {
            return new Regex(text.Append(@"\z").ToString(), RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
        }
        catch (RegexParseException e)
        {
            throw new MedixException($"The pattern '{pattern}' cannot be read; expected *, ?, [abc], [a-z] or [!abc] among plain characters, for example *.safetensors.", e);
        }
    }

    /// <summary>Where the set that starts at <paramref name="i"/> ends, or -1: a first <c>]</c> belongs to the set, and without a later one a bracket means itself.</summary>
    private static int ClosingBracket(string pattern, int i)
    {
        if (pattern[i] != '[')
        {
            return -1;
        }

        int first = i + 1 < pattern.Length && pattern[i + 1] == '!' ? i + 2 : i + 1;
        return first + 1 < pattern.Length ? pattern.IndexOf(']', first + 1) : -1;
    }

    private static string Set(string content)
    {
        bool negated = content[0] == '!';
        var members = new StringBuilder();
        foreach (char c in negated ? content[1..] : content)
        {
            members.Append(c is '\\' or '[' or ']' or '^' ? $@"\{c}" : c.ToString());
        }

        return $"[{(negated ? "^" : "")}{members}]";
    }
}
