using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Medix.Clients.Hub;
using Medix.Runs;
using Medix.Testing.Hub;

namespace Medix.Core.Tests.Clients.Hub;

/// <summary>A recorded call made by our client: how it ended, what it asked, what it left.</summary>
internal sealed record GoldenRun(GoldenStep Step, string Expected, string Actual, IReadOnlyList<RawRequest> Requests)
{
    public IReadOnlyList<string>? ExpectedTree { get; init; }

    public IReadOnlyList<string>? ActualTree { get; init; }

    public static async Task<IReadOnlyList<GoldenRun>> AllAsync(string folder, CancellationToken cancellationToken)
    {
        using var hub = new GoldenHub(folder);
        string root = Directory.CreateTempSubdirectory("medix-golden-").FullName;
        List<GoldenRun> runs = [];
        foreach (GoldenStep step in hub.Steps.Where(s => s.IsSnapshot || s.IsFile))
        {
            runs.Add(await OneAsync(hub, step, root, cancellationToken));
        }

        Directory.Delete(root, recursive: true);
        return runs;
    }

    private static async Task<GoldenRun> OneAsync(GoldenHub hub, GoldenStep step, string root, CancellationToken cancellationToken)
    {
        string home = Path.Combine(root, step.Home);
        string local = Path.Combine(root, "local");
        Prepare(hub, step, home);
        hub.Begin(step);
        int before = hub.StandIn.Hub.Requests.Count;
        int storageBefore = hub.StandIn.Storage.Requests.Count;
        HubFault? fault = null;
        string actual;
        try
        {
            using var client = new HubClient(Options(hub, step, home), time: new HastyTime());
            PullResult result = await client.PullAsync(Repository(hub, step), Settings(step, local), cancellationToken);
            string path = step.File is null ? result.Folder : Path.Combine(result.Folder, step.File);
            actual = "RESULT " + path.Replace(home, "<HF_HOME>", StringComparison.Ordinal).Replace(root, "<tmp>", StringComparison.Ordinal);
        }
        catch (MedixException e)
        {
            fault = HubFaults.Of(e);
            actual = $"ERROR {fault}";
        }

        var run = new GoldenRun(
            step, Expect(hub, step), actual, [.. hub.StandIn.Hub.Requests.Skip(before), .. hub.StandIn.Storage.Requests.Skip(storageBefore)]);
        bool ofLocal = step.Argument("local_dir") is not null;
        string? tree = hub.Trees.Select(t => t.Key).FirstOrDefault(k => ofLocal ? k.StartsWith(step.Name + " (", StringComparison.Ordinal) : k == step.Name);
        return tree is null ? run : run with
        {
            ExpectedTree = Describe(hub.Trees[tree]!.AsArray(), fault is HubFault.WrongHash), ActualTree = Describe(ofLocal ? local : home, home),
        };
    }

    /// <summary>How ours must end: as recorded, but for the differences that are meant.</summary>
    private static string Expect(GoldenHub hub, GoldenStep step)
    {
        string result = step.File is null
            ? step.Outcome
            : $"RESULT <HF_HOME>/hub/models--{hub.Owner}--{step.Repository}/snapshots/{Commit(hub, step)}/{step.File}";
        bool wrongBytes = step.Exchanges.Any(e => e is { Method: "GET", Status: 200 } && (string?)e.Body?["sha256"] is { } sha && !IsServed(hub, sha, (int)e.Body["bytes"]!, step));
        if (step.Outcome.StartsWith("RESULT", StringComparison.Ordinal))
        {
            return wrongBytes ? "ERROR WrongHash" : step.Outcome;
        }

        string kind = step.Outcome["ERROR ".Length..].Split(' ')[0];
        Exchange? last = step.Exchanges.Count > 0 ? step.Exchanges[^1] : null;
        return kind switch
        {
            "RemoteEntryNotFoundError" => "ERROR EntryMissing",
            "RepositoryNotFoundError" => "ERROR RepositoryMissing",
            "RevisionNotFoundError" => "ERROR RevisionMissing",
            "GatedRepoError" => "ERROR Gated",
            "LocalEntryNotFoundError" => last is null ? "ERROR NotCached" : "ERROR Disabled",
            "OSError" => "ERROR WrongSize",
            "HfHubHTTPError" when last!.Status == 401 => "ERROR TokenRefused",
            "HfHubHTTPError" when last!.Status is 416 or 503 => result,
            "RuntimeError" when step.Environment.GetValueOrDefault("HF_HUB_DISABLE_XET") == "0" => result,
            _ => $"an outcome of kind {kind}, which this test does not know",
        };
    }

    private static string Commit(GoldenHub hub, GoldenStep step) =>
        hub.Repositories.TryGetValue($"models/{hub.Owner}/{step.Repository}", out StandInRepository? r) ? r.Refs.GetValueOrDefault(step.Argument("revision") ?? "main", "") : "";

    /// <summary>Whether a recorded body is that of a listed file, or of a part of one.</summary>
    private static bool IsServed(GoldenHub hub, string oldSha256, int bytes, GoldenStep step) => hub.IsListed(oldSha256)
        || hub.Repositories.Values.Where(r => r.Id.EndsWith("/" + step.Repository, StringComparison.Ordinal)).All(r => r.Files.Values.All(f => f.Bytes.Length != bytes));

    private static HubRepository Repository(GoldenHub hub, GoldenStep step) => HubRepository.Parse(
        $"{hub.Owner}/{step.Repository}", step.Argument("repo_type") == "dataset" ? HubKind.Dataset : HubKind.Model, step.Argument("revision"));

    private static PullSettings Settings(GoldenStep step, string local) => new()
    {
        Files = step.File is { } file ? [file] : [],
        Include = step.Patterns("allow_patterns"),
        Exclude = step.Patterns("ignore_patterns"),
        LocalFolder = step.Argument("local_dir") is null ? null : local,
        Force = step.Force,
    };

    private static HubOptions Options(GoldenHub hub, GoldenStep step, string home)
    {
        var variables = new Dictionary<string, string>(step.Environment) { ["HF_HOME"] = home, ["HF_ENDPOINT"] = hub.StandIn.Hub.Address.ToString() };
        HubOptions options = HubOptions.FromEnvironment(variables.GetValueOrDefault);
        return options with { Token = step.Argument("token") ?? options.Token, TimeoutSeconds = 3600 };
    }

    /// <summary>
    /// What lay there before: a token file where a token was sent that neither call nor environment names, and partial downloads that were still there afterwards.
    /// </summary>
    private static void Prepare(GoldenHub hub, GoldenStep step, string home)
    {
        Directory.CreateDirectory(home);
        string token = Path.Combine(home, "token");
        File.Delete(token);
        string? sent = step.Exchanges.Select(e => e.Authorization).FirstOrDefault(a => a is not null);
        if (sent is not null && step.Argument("token") is null && !step.Environment.ContainsKey("HF_TOKEN"))
        {
            File.WriteAllText(token, sent["Bearer ".Length..] + "\n");
        }

        foreach (JsonNode? entry in hub.Trees[step.Name]?.AsArray() ?? [])
        {
            string path = (string)entry!["path"]!;
            if (path.EndsWith(".incomplete", StringComparison.Ordinal))
            {
                byte[] whole = hub.ByEtag(Path.GetFileName(path).Split('.')[0]).Bytes;
                string full = Path.Combine(home, path);
                Directory.CreateDirectory(Path.GetDirectoryName(full)!);
                File.WriteAllBytes(full, [.. whole.Concat(new byte[(int)entry["size"]!]).Take((int)entry["size"]!)]);
            }
        }
    }

    /// <summary>A recorded tree as lines; without what a refused hash keeps from coming into being, and without leftovers.</summary>
    private static List<string> Describe(JsonArray tree, bool refused) => [.. tree.Select(e => e!.AsObject())
        .Where(e => !((string)e["path"]!).EndsWith(".incomplete", StringComparison.Ordinal))
        .Where(e => !refused || !(((string)e["path"]!).Contains("/snapshots", StringComparison.Ordinal) || ((string)e["path"]!).Contains("/blobs/", StringComparison.Ordinal)))
        .Select(e => Line((string)e["path"]!, (string)e["type"]!, (string?)e["target"], (long?)e["size"], (string?)e["sha256"], (string?)e["text"])).Order(StringComparer.Ordinal)];

    /// <summary>A folder as lines. The token file is the test's own.</summary>
    private static List<string> Describe(string folder, string home) => [.. Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories)
        .Where(p => p != Path.Combine(home, "token"))
        .Select(p =>
        {
            string path = Path.GetRelativePath(folder, p);
            var file = new FileInfo(p);
            if (file.LinkTarget is { } target)
            {
                return Line(path, "symlink", target, null, null, null);
            }

            return Directory.Exists(p)
                ? Line(path, "dir", null, null, null, null)
                : Line(path, "file", null, file.Length, Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(p))), File.ReadAllText(p));
        }).Order(StringComparer.Ordinal)];

    private static string Line(string path, string type, string? target, long? size, string? sha256, string? text)
    {
        string name = Path.GetFileName(path);
        string what = name switch
        {
            "CACHEDIR.TAG" => text!.Split('\n')[0], // the rest is wording
            _ when path.EndsWith(".metadata", StringComparison.Ordinal) => string.Join(' ', text!.Split('\n')[..2]), // the third line is the time
            _ when path.Contains("/trees/", StringComparison.Ordinal) => $"{size}", // the hash is that of the recorded listing; another test compares it
            _ => $"{size} {sha256} {target}",
        };
        return $"{path} {type} {what.Trim()}";
    }
}
