using System.Text.RegularExpressions;

namespace Medix.Runs;

/// <summary>The name of a model or data set on the Hugging Face Hub.</summary>
public static partial class HubId
{
    /// <summary>
    /// The id <c>OWNER/NAME</c> that a path stands for: the path itself where it is one and no folder of this machine, or that of a snapshot in the Hub's
    /// cache (<c>models--OWNER--NAME/snapshots/…</c>). Null for any other path.
    /// </summary>
    public static string? Of(string path)
    {
        Match cached = InCache().Match(path.Replace('\\', '/'));
        return cached.Success ? $"{cached.Groups[1].Value}/{cached.Groups[2].Value}"
            : Whole().IsMatch(path) && !Directory.Exists(path) && !File.Exists(path) ? path
            : null;
    }

    /// <summary>The id, or the last name of the path, which tells nothing of the machine it was on.</summary>
    public static string OrName(string path) => Of(path) ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(path.Replace('\\', '/')));

    [GeneratedRegex(@"(?:^|/)(?:models|datasets)--([A-Za-z0-9_.-]+?)--([A-Za-z0-9_.-]+)(?:/|$)")]
    private static partial Regex InCache();

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    private static partial Regex Whole();
}
