using System.Net;
using Medix.Runs;

namespace Medix.Clients.Hub;

/// <summary>Turns a hub's answers and a network's failures into errors that say what to do.</summary>
public static class HubFaults
{
    private const string DataKey = "Medix.Hub.Fault";
    private const int MaxShown = 300;

    /// <summary>The kind of an error of this client, or null where it is another's.</summary>
    public static HubFault? Of(MedixException error) => error.Data[DataKey] as HubFault?;

    /// <summary>What a status other than success means. The error code and message are those of the hub's <c>X-Error-Code</c> and <c>X-Error-Message</c>.</summary>
    public static HubFault Classify(HttpStatusCode status, string? code, string? message, bool withToken, bool aboutFile) => (int)status switch
    {
        403 or 451 when code == "DisabledRepo" || (message?.Contains("resource is disabled", StringComparison.OrdinalIgnoreCase) ?? false) => HubFault.Disabled,
        451 => HubFault.Disabled,
        401 or 403 when code == "GatedRepo" => HubFault.Gated,
        401 or 403 or 404 when code == "RepoNotFound" => HubFault.RepositoryMissing,
        404 when code == "RevisionNotFound" => HubFault.RevisionMissing,
        404 => code == "EntryNotFound" || aboutFile ? HubFault.EntryMissing : HubFault.RepositoryMissing,
        401 => withToken ? HubFault.TokenRefused : HubFault.RepositoryMissing,
        403 => HubFault.Forbidden,
        416 => HubFault.RangeRefused,
        429 => HubFault.RateLimited,
        408 or >= 500 => HubFault.Unavailable,
        _ => HubFault.BadAnswer,
    };

    internal static MedixException Answer(HubFault fault, HubSubject subject, HttpStatusCode status, string? message, bool withToken) => Make(
        fault,
        $"{Describe(fault, subject, withToken)} ({(int)status} from {subject.Host}{(Shown(message) is { Length: > 0 } text ? $": {text}" : "")})");

    internal static MedixException Network(HubFault fault, Uri uri, int tries, string reason, Exception? inner = null) => Make(
        fault,
        (fault switch
        {
            HubFault.TimedOut => $"{uri.Host} did not answer in time ({Tries(tries)}): {reason} Try again later, or give it longer with HF_HUB_DOWNLOAD_TIMEOUT=SECONDS.",
            HubFault.Cut => $"The download from {uri.Host} broke off ({Tries(tries)}) without progress: {reason} What has arrived is kept; the same command continues there.",
            _ => $"{uri.Host} cannot be reached ({Tries(tries)}): {reason} Check the network, the proxy (HTTPS_PROXY) and HF_ENDPOINT; "
                + "with HF_HUB_OFFLINE=1 the cache alone is used.",
        }),
        inner);

    /// <summary>The same error with a further sentence.</summary>
    internal static MedixException WithHint(MedixException error, string hint) => Make(Of(error) ?? HubFault.BadAnswer, $"{error.Message} {hint}", error);

    internal static MedixException WrongSize(string file, long expected, string found) => Make(
        HubFault.WrongSize,
        $"{file} has {expected} bytes by the hub's listing, but {found}. The server or a proxy between is at fault. Try again later, or another HF_ENDPOINT.");

    internal static MedixException WrongHash(string file, string expected, string found) => Make(
        HubFault.WrongHash,
        $"{file} arrived with the hash {found}; the hub announced {expected}. It was damaged or changed on the way and has been thrown away. Try again; "
        + "if it happens again, do not trust the server or proxy it came through.");

    internal static MedixException BadAnswer(string what) => Make(
        HubFault.BadAnswer, $"{what} Check that HF_ENDPOINT is a Hugging Face hub and that no proxy or login page answers in its place.");

    internal static MedixException BadPath(string path, string reason) => Make(
        HubFault.BadAnswer, $"The repository holds a file named '{Shown(path)}', which is not written: {reason}. Leave it out with --exclude, or ask the owner to rename it.");

    internal static MedixException NotCached(string what) => Make(
        HubFault.NotCached, $"{what} HF_HUB_OFFLINE forbids to ask for it: pull it once with HF_HUB_OFFLINE=0, or check HF_HOME.");

    internal static MedixException NoFile(HubRepository repository, string file) => Make(
        HubFault.EntryMissing, $"{repository} has no file {file}, as an earlier look at the hub found. Check the name; medix pull {repository.Id} fetches all there are.");

    internal static MedixException DiskFull(string folder, long needed, long free) => Make(
        HubFault.DiskFull,
        $"{folder} has {ByteSize.Show(free)} free, and {ByteSize.Show(needed)} are still to be fetched. Make room, choose files with --include and --exclude, "
        + "or another disk with --cache-dir (HF_HUB_CACHE).");

    internal static MedixException DiskFault(string path, Exception inner) => Make(
        HubFault.DiskFull,
        $"{path} cannot be written: {inner.Message} Make room or mend the permissions, or choose another place with --cache-dir (HF_HUB_CACHE); "
        + "what has arrived is kept, and the same command continues there.",
        inner);

    private static string Describe(HubFault fault, HubSubject subject, bool withToken) => fault switch
    {
        HubFault.RepositoryMissing when withToken =>
            $"There is no {subject.Kind} {subject.Id}, or the token may not see it. Check the name and the kind (--dataset for data sets), and what the token may read.",
        HubFault.RepositoryMissing =>
            $"There is no public {subject.Kind} {subject.Id}. Check the name and the kind (--dataset for data sets); if it is private, give a token that may read it in HF_TOKEN.",
        HubFault.RevisionMissing => $"{subject.Id} has no revision {subject.Revision}. Name a branch, a tag, a full commit or refs/pr/N that its page lists.",
        HubFault.EntryMissing => $"{subject.Id}@{subject.Revision} has no file {subject.File ?? "of that name"}. Check the name; upper and lower case matter.",
        HubFault.Gated when withToken =>
            $"{subject.Id} is gated, and the token's account has not been given access. Open {subject.Page}, accept the terms, wait for approval if it asks for one, "
            + "and pull again.",
        HubFault.Gated => $"{subject.Id} is gated. Open {subject.Page}, log in, accept the terms, then set HF_TOKEN to a token of that account and pull again.",
        HubFault.Disabled => $"The hub has disabled {subject.Id}: nobody can fetch it. Its page {subject.Page} may say why.",
        HubFault.TokenRefused => "The hub does not accept the access token: it is wrong, revoked or expired. Make a new one in the account's settings and put it into HF_TOKEN "
            + "(or the token file); for public repositories unset it.",
        HubFault.Forbidden => $"The token may not read {subject.Id}. Give it the right to read this repository in the account's settings, or use another in HF_TOKEN.",
        HubFault.RateLimited => "The hub asks to wait: too many requests. Try again later; a token in HF_TOKEN raises the limit.",
        HubFault.Unavailable => "The hub is not available at the moment. Try again later; what has arrived is kept, and with HF_HUB_OFFLINE=1 the cache alone is used.",
        HubFault.RangeRefused => $"The server does not continue {subject.File ?? "a file"} in the middle, and sending it whole failed. Try again later.",
        _ => $"The hub gave an answer that was not expected about {subject.Id}. Check HF_ENDPOINT and any proxy between.",
    };

    private static string Tries(int count) => count == 1 ? "one try" : $"{count} tries";

    private static string Shown(string? text)
    {
        string clean = new([.. (text ?? "").Select(c => char.IsControl(c) ? ' ' : c)]);
        return clean.Length <= MaxShown ? clean : clean[..MaxShown] + "…";
    }

    private static MedixException Make(HubFault fault, string message, Exception? inner = null)
    {
        MedixException error = inner is null ? new(message) : new(message, inner);
        error.Data[DataKey] = fault;
        return error;
    }
}

/// <summary>What a request was about, for error texts.</summary>
internal sealed record HubSubject(Uri Endpoint, HubRepository Repository, string? File = null)
{
    public string Id => Repository.Id;

    public string Revision => Repository.Revision;

    public string Kind => Repository.Kind == HubKind.Model ? "model" : "data set";

    public string Host => Endpoint.Host;

    public Uri Page => new(Endpoint, Repository.Kind == HubKind.Model ? Id : $"datasets/{Id}");
}
