using Medix.Runs;

namespace Medix.Clients.Hub;

/// <summary>What of a repository is fetched, and where to.</summary>
public sealed record PullSettings
{
    /// <summary>Files by their exact path; empty for all that the patterns choose.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>Shell patterns of which a file must match one; empty for all.</summary>
    public IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>Shell patterns of which a file must match none.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>A folder for plain files in place of the cache, or null.</summary>
    public string? LocalFolder { get; init; }

    /// <summary>Whether files that are there are fetched again.</summary>
    public bool Force { get; init; }

    /// <summary>Whether the hashes of files that are there are computed too; else their sizes must do. Other clients of the cache do not check hashes.</summary>
    public bool Verify { get; init; }

    /// <summary>Refuses settings that cannot be followed.</summary>
    /// <exception cref="MedixException">Exact files are named together with patterns, or by what can be no path.</exception>
    internal void Check()
    {
        if (Files.Count > 0 && Include.Count + Exclude.Count > 0)
        {
            throw new MedixException($"Files are named ({string.Join(", ", Files)}), and patterns are given too. Name files, or choose by --include and --exclude.");
        }

        foreach (string file in Files)
        {
            if (HubPath.Fault(file) is { } fault)
            {
                throw new MedixException($"'{file}' can be no file of a repository: {fault}. Give its path as the repository's page lists it, for example onnx/model.onnx.");
            }
        }
    }
}

/// <summary>What a pull ended with.</summary>
/// <param name="Repository"><c>OWNER/NAME</c>.</param>
/// <param name="Kind">Model or data set.</param>
/// <param name="Revision">What was asked for.</param>
/// <param name="Commit">What it meant: 40 hexadecimal digits.</param>
/// <param name="Folder">The snapshot's folder in the cache, or the local folder.</param>
/// <param name="Files">Files that were asked for and are there.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="ReceivedBytes">Bytes that came over the network.</param>
public sealed record PullResult(string Repository, HubKind Kind, string Revision, string Commit, string Folder, int Files, long Bytes, long ReceivedBytes);
