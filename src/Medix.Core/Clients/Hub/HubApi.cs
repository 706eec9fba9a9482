using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Medix.Runs;

namespace Medix.Clients.Hub;

/// <summary>What a hub is asked before bytes are fetched: a revision's commit, a commit's files, a file's hash, size and place.</summary>
internal sealed partial class HubApi(HubHttp http, HubOptions options)
{
    private const int MaxPages = 10_000;

    /// <summary>The commit that the repository's revision means now.</summary>
    public async Task<string> CommitAsync(HubRepository repository, CancellationToken cancellationToken)
    {
        Uri uri = new(options.Endpoint, $"{repository.ApiPath}/revision/{Uri.EscapeDataString(repository.Revision)}");
        using HubAnswer answer = await GetAsync(uri, repository, cancellationToken).ConfigureAwait(false);
        using JsonDocument document = await ParseAsync(answer, cancellationToken).ConfigureAwait(false);
        string? commit = EndpointHttp.Text(document.RootElement, "sha");
        return commit is not null && HubRepository.IsCommitHash(commit)
            ? commit
            : throw HubFaults.BadAnswer($"{uri.Host} names '{commit}' as the commit of {repository}; expected 40 hexadecimal digits.");
    }

    /// <summary>All files of a commit, over as many pages as the hub makes of them.</summary>
    public async Task<IReadOnlyList<RepositoryFile>> FilesAsync(HubRepository repository, string commit, CancellationToken cancellationToken)
    {
        var files = new List<RepositoryFile>();
        Uri? next = new(options.Endpoint, $"{repository.ApiPath}/tree/{commit}?recursive=true&expand=false");
        for (int page = 0; next is not null; page++)
        {
            if (page == MaxPages)
            {
                throw HubFaults.BadAnswer($"{next.Host} lists the files of {repository} on more than {MaxPages} pages.");
            }

            using HubAnswer answer = await GetAsync(next, repository, cancellationToken).ConfigureAwait(false);
            using JsonDocument document = await ParseAsync(answer, cancellationToken).ConfigureAwait(false);
            FileListing.AddPage(files, document.RootElement);
            next = NextPage(answer);
        }

        return FileListing.Complete(files);
    }

    /// <summary>Hash, size and place of one file. A missing one is an error that carries no commit; <paramref name="missing"/> is told the commit first.</summary>
    public async Task<LocatedFile> LocateAsync(HubRepository repository, string revision, string path, Action<string>? missing, CancellationToken cancellationToken)
    {
        Uri uri = new(options.Endpoint, repository.ResolvePath(revision, path));
        using HubAnswer answer = await http.SendAsync(HttpMethod.Head, uri, null, leaveHost: false, buffered: false, cancellationToken).ConfigureAwait(false);
        string? commit = answer.Linked.Commit is { } c && HubRepository.IsCommitHash(c) ? c : null;
        if (answer.Location is null && !answer.Response.IsSuccessStatusCode)
        {
            MedixException error = await ErrorAsync(answer, new HubSubject(options.Endpoint, repository, path), cancellationToken).ConfigureAwait(false);
            if (HubFaults.Of(error) == HubFault.EntryMissing && commit is not null)
            {
                missing?.Invoke(commit);
            }

            throw error;
        }

        string? etag = Clean(answer.Linked.Etag ?? answer.Header("ETag"));
        long? size = answer.Linked.Size ?? answer.Response.Content.Headers.ContentLength;
        bool large = RepositoryFile.IsSha256(etag);
        if (commit is null || size is not >= 0 || !(large || RepositoryFile.IsSha1(etag)))
        {
            throw HubFaults.BadAnswer(
                $"{uri.Host} gives {path} the commit '{commit}', the hash '{etag}' and the size '{size}'; expected 40 hexadecimal digits, 40 or 64 of them, and bytes.");
        }

        var file = new RepositoryFile(path, size.Value, etag!, large ? etag : null);

        // Chunk storage announces itself by a hash; its protocol is declined, and the file's own address then leads to the plain bytes.
        return new LocatedFile(commit, file, uri, answer.Linked.Xet ? null : answer.Location);
    }

    /// <summary>The error for an answer of a status other than success.</summary>
    public async Task<MedixException> ErrorAsync(HubAnswer answer, HubSubject subject, CancellationToken cancellationToken)
    {
        HttpStatusCode status = answer.Response.StatusCode;
        if (answer.Uri.Authority != options.Endpoint.Authority && (int)status < 500 && (int)status is not (408 or 416 or 429))
        {
            return HubFaults.BadAnswer($"The hub sends to {answer.Uri.Host} for {subject.File}, and that answers {(int)status}.");
        }

        string? message = answer.Header("X-Error-Message") ?? await BodyMessageAsync(answer, cancellationToken).ConfigureAwait(false);
        bool withToken = options.Token is not null;
        HubFault fault = HubFaults.Classify(status, answer.Header("X-Error-Code"), message, withToken, subject.File is not null);
        return HubFaults.Answer(fault, subject, status, message, withToken);
    }

    private async Task<HubAnswer> GetAsync(Uri uri, HubRepository repository, CancellationToken cancellationToken)
    {
        HubAnswer answer = await http.SendAsync(HttpMethod.Get, uri, null, leaveHost: true, buffered: true, cancellationToken).ConfigureAwait(false);
        if (answer.Response.IsSuccessStatusCode)
        {
            return answer;
        }

        using (answer)
        {
            throw await ErrorAsync(answer, new HubSubject(options.Endpoint, repository), cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task<JsonDocument> ParseAsync(HubAnswer answer, CancellationToken cancellationToken)
    {
        try
        {
            return JsonDocument.Parse(await answer.Response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false));
        }
        catch (JsonException e)
        {
            throw HubFaults.BadAnswer($"{answer.Uri} answered with something that is not JSON: {e.Message}");
        }
    }

    /// <summary>The text of <c>{"error": …}</c> of an answer other than success, which has been read already; null for other kinds of answers.</summary>
    private static async Task<string?> BodyMessageAsync(HubAnswer answer, CancellationToken cancellationToken)
    {
        if (!HubHttp.IsShortError(answer.Response, answer.Response.RequestMessage!.Method))
        {
            return null;
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(await answer.Response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false));
            return EndpointHttp.Text(document.RootElement, "error");
        }
        catch (JsonException)
        {
            return null; // the status alone has to tell
        }
    }

    private static Uri? NextPage(HubAnswer answer)
    {
        string? link = answer.Header("Link") is { } header && NextLink().Match(header) is { Success: true } match ? match.Groups["uri"].Value : null;
        if (link is null)
        {
            return null;
        }

        Uri next = new(answer.Uri, link);
        return next.Scheme == answer.Uri.Scheme && next.Authority == answer.Uri.Authority
            ? next
            : throw HubFaults.BadAnswer($"{answer.Uri.Host} sends for the next page of its listing to {next.Host}; expected itself.");
    }

    private static string? Clean(string? etag)
    {
        string? text = etag is not null && etag.StartsWith("W/", StringComparison.Ordinal) ? etag[2..] : etag;
        return text?.Trim('"');
    }

    [GeneratedRegex("<(?<uri>[^>]+)>\\s*;[^,]*rel=\"?next\"?")]
    private static partial Regex NextLink();
}

/// <summary>A file with its commit and where its bytes are: <paramref name="Resolve"/> always leads there, <paramref name="Direct"/> at once, for as long as it is valid.</summary>
internal sealed record LocatedFile(string Commit, RepositoryFile File, Uri Resolve, Uri? Direct);
