namespace Medix.Clients.Hub;

/// <summary>Paths that a hub sends are not trusted: they become files below one folder, or nothing.</summary>
internal static class HubPath
{
    private const int MaxLength = 1024;

    /// <summary>
    /// Why a repository's path cannot be used as a file below a folder, or null when it can. What leads out of a folder on Windows is refused everywhere: caches travel.
    /// </summary>
    public static string? Fault(string path)
    {
        if (path.Length is 0 or > MaxLength)
        {
            return $"its length is {path.Length}; expected 1 to {MaxLength}";
        }

        if (path.Any(c => char.IsControl(c) || c == '\\'))
        {
            return "it holds a backslash or a control character";
        }

        return path.Split('/').Select(PartFault).FirstOrDefault(f => f is not null);
    }

    /// <summary>Refuses a path that cannot be used.</summary>
    /// <exception cref="Medix.Runs.MedixException">The path is refused.</exception>
    public static void Check(string path)
    {
        if (Fault(path) is { } fault)
        {
            throw HubFaults.BadPath(path, fault);
        }
    }

    /// <summary>
    /// The full path below <paramref name="root"/>. Every folder on the way that exists is looked at: a symbolic link there that leads out of the root is refused.
    /// </summary>
    /// <exception cref="Medix.Runs.MedixException">The path is refused.</exception>
    public static string Below(string root, string path)
    {
        Check(path);
        string full = Path.GetFullPath(root);
        string realRoot = RealFolder(full);
        string[] parts = path.Split('/');
        for (int i = 0; i < parts.Length - 1; i++)
        {
            full = Path.Combine(full, parts[i]);
            if (new DirectoryInfo(full).LinkTarget is not null && !RealFolder(full).StartsWith(realRoot + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            {
                throw HubFaults.BadPath(path, $"the folder {full} is a symbolic link that leads out of {root}");
            }
        }

        return Path.Combine(full, parts[^1]);
    }

    private static string? PartFault(string part) => part switch
    {
        "" => "it is absolute, ends in '/' or holds '//'",
        "." or ".." => $"it holds the folder '{part}'",
        [_, ':', ..] => $"'{part}' begins as a drive does",
        _ when part.EndsWith('.') || part.EndsWith(' ') => $"'{part}' ends in a dot or a blank",
        _ when part.Length > 240 => $"'{part[..40]}…' is longer than 240 characters",
        _ => null,
    };

    private static string RealFolder(string path)
    {
        var folder = new DirectoryInfo(path);
        return folder.LinkTarget is null ? path : folder.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
    }
}
