using System.Text.RegularExpressions;
using Medix.Runs;

namespace Medix.Clients.Hub;

/// <summary>What a repository of a hub holds.</summary>
public enum HubKind
{
    /// <summary>Weights, configuration, tokenizer.</summary>
    Model,

    /// <summary>Rows and pictures.</summary>
    Dataset,
}

/// <summary>A repository of a hub at a revision, as <c>OWNER/NAME[@revision]</c> names it.</summary>
public sealed partial record HubRepository
{
    /// <summary>The branch that is meant where no revision is named.</summary>
    public const string DefaultRevision = "main";

    private HubRepository(HubKind kind, string id, string revision) => (Kind, Id, Revision) = (kind, id, revision);

    /// <summary>Model or data set.</summary>
    public HubKind Kind { get; }

    /// <summary><c>OWNER/NAME</c>.</summary>
    public string Id { get; }

    /// <summary>A branch, a tag, a commit or <c>refs/pr/N</c>.</summary>
    public string Revision { get; }

    /// <summary>Whether <see cref="Revision"/> is a full commit, which never changes.</summary>
    public bool IsCommit => IsCommitHash(Revision);

    /// <summary>The repository's folder in the cache: <c>models--OWNER--NAME</c>.</summary>
    public string FolderName => $"{Plural}--{Id.Replace("/", "--", StringComparison.Ordinal)}";

    /// <summary>The address of the repository's description under the endpoint.</summary>
    internal string ApiPath => $"api/{Plural}/{Id}";

    private string Plural => Kind == HubKind.Model ? "models" : "datasets";

    /// <summary>
    /// Reads <c>OWNER/NAME</c> or <c>OWNER/NAME@revision</c>. <paramref name="revision"/> is that of an option of its own; naming two different ones is an error.
    /// </summary>
    /// <exception cref="MedixException">The text has another form.</exception>
    public static HubRepository Parse(string text, HubKind kind = HubKind.Model, string? revision = null)
    {
        string? named = null;
        if (TryParse(text, kind, out HubRepository? repository))
        {
            named = text.Contains('@', StringComparison.Ordinal) ? repository.Revision : null;
        }
        else
        {
            throw new MedixException(
                $"'{text}' names no repository; expected OWNER/NAME or OWNER/NAME@REVISION, for example Qwen/Qwen3-VL-2B-Instruct@main. Letters, digits, '-', '_' and '.' "
                + "make a name; a revision is a branch, a tag, a commit or refs/pr/N.");
        }

        if (named is not null && revision is not null && named != revision)
        {
            throw new MedixException($"Two revisions are named: '{named}' in '{text}' and '{revision}' as an option. Give one.");
        }

        return revision is null ? repository : repository.At(revision);
    }

    /// <summary>The same as <see cref="Parse"/> without an error: false where the text has another form, as a file's path has.</summary>
    public static bool TryParse(string text, HubKind kind, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out HubRepository? repository)
    {
        repository = null;
        int at = text.IndexOf('@', StringComparison.Ordinal);
        string id = at < 0 ? text : text[..at];
        string revision = at < 0 ? DefaultRevision : text[(at + 1)..];
        if (!IdForm().IsMatch(id) || id.Contains("..", StringComparison.Ordinal) || id.Contains("--", StringComparison.Ordinal) || !IsRevision(revision))
        {
            return false;
        }

        repository = new HubRepository(kind, id, revision);
        return true;
    }

    /// <summary>The same repository at another revision.</summary>
    /// <exception cref="MedixException">The text can be no revision.</exception>
    public HubRepository At(string revision) => IsRevision(revision)
        ? new HubRepository(Kind, Id, revision)
        : throw new MedixException($"'{revision}' is no revision; expected a branch, a tag, a commit of 40 hexadecimal digits or refs/pr/N.");

    /// <summary><c>OWNER/NAME@revision</c>.</summary>
    public override string ToString() => $"{Id}@{Revision}";

    /// <summary>The address of a file under the endpoint; the path has been checked before.</summary>
    internal string ResolvePath(string revision, string file)
    {
        string prefix = Kind == HubKind.Model ? "" : "datasets/";
        return $"{prefix}{Id}/resolve/{Uri.EscapeDataString(revision)}/{string.Join('/', file.Split('/').Select(Uri.EscapeDataString))}";
    }

    /// <summary>Whether a text is a full commit: 40 lower-case hexadecimal digits.</summary>
    internal static bool IsCommitHash(string text) => text.Length == 40 && text.All(char.IsAsciiHexDigitLower);

    // The revision becomes a file's name under refs/: what could leave that folder is refused.
    private static bool IsRevision(string text) => RevisionForm().IsMatch(text) && HubPath.Fault(text) is null;

    [GeneratedRegex(@"\A[A-Za-z0-9_][A-Za-z0-9._-]{0,95}/[A-Za-z0-9_][A-Za-z0-9._-]{0,95}\z")]
    private static partial Regex IdForm();

    [GeneratedRegex(@"\A[A-Za-z0-9_][A-Za-z0-9._+/-]{0,254}\z")]
    private static partial Regex RevisionForm();
}
