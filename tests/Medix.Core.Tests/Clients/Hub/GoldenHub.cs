using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Medix.Runs;
using Medix.Testing.Hub;

namespace Medix.Core.Tests.Clients.Hub;

/// <summary>One recorded exchange of the Python client.</summary>
internal sealed record Exchange(int Number, string Method, string Path, string? Authorization, string? Range, int Status, JsonObject Headers, JsonObject? Body)
{
    public static Exchange Read(JsonNode line)
    {
        JsonNode request = line["request"]!;
        JsonNode response = line["response"]!;
        JsonObject headers = request["headers"]!.AsObject();
        return new Exchange(
            (int)line["n"]!, (string)request["method"]!, (string)request["path"]!, Find(headers, "Authorization"), Find(headers, "Range"),
            (int)response["status"]!, response["headers"]!.AsObject(), response["body"] as JsonObject);
    }

    public bool IsStorage => Path.StartsWith("/cdn/", StringComparison.Ordinal);

    private static string? Find(JsonObject headers, string name) =>
        (string?)headers.FirstOrDefault(h => h.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;
}

/// <summary>One recorded call of the Python client.</summary>
internal sealed partial record GoldenStep(string Name, string Call, string Home, string Outcome, IReadOnlyDictionary<string, string> Environment, IReadOnlyList<Exchange> Exchanges)
{
    public bool IsSnapshot => Call.StartsWith("snapshot_download", StringComparison.Ordinal);

    public bool IsFile => Call.StartsWith("hf_hub_download", StringComparison.Ordinal);

    public string Repository => RepositoryName().Match(Call).Groups["name"].Value;

    public string? File => FileName().Match(Call) is { Success: true } match ? match.Groups["file"].Value : null;

    public bool Force => Call.Contains("force_download=True", StringComparison.Ordinal);

    public string? Argument(string name) => Regex.Match(Call, name + "='(?<value>[^']*)'") is { Success: true } match ? match.Groups["value"].Value : null;

    public string[] Patterns(string name) =>
        [.. Regex.Match(Call, name + @"=\[(?<value>[^\]]*)\]").Groups["value"].Value.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(p => p.Trim(' ', '\''))];

    [GeneratedRegex(@"OWN \+ '/(?<name>[^']+)'")]
    private static partial Regex RepositoryName();

    [GeneratedRegex(@"OWN \+ '/[^']+', '(?<file>[^']+)'")]
    private static partial Regex FileName();
}

/// <summary>
/// The recorded hub as a stand-in. The goldens hold hashes and sizes of files, and the bytes of some: the other files get bytes of the same size, and every hash in the goldens is
/// replaced by that of the new bytes. Refusals, cuts and wrong bodies of a step come back as recorded.
/// </summary>
internal sealed class GoldenHub : IDisposable
{
    private readonly Dictionary<string, string> hashes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, StandInFile> byOldHash = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Queue<Exchange>> script = new(StringComparer.Ordinal);

    public GoldenHub(string folder)
    {
        Exchange[] exchanges = [.. System.IO.File.ReadLines(Path.Combine(folder, "exchanges.jsonl")).Select(l => Exchange.Read(JsonNode.Parse(l)!))];
        ReadFiles(folder);
        foreach (Exchange exchange in exchanges)
        {
            LearnRevision(exchange);
        }

        Steps = [.. JsonNode.Parse(System.IO.File.ReadAllText(Path.Combine(folder, "steps.json")))!.AsArray().Select(s => ReadStep(s!, exchanges))];
        Trees = JsonNode.Parse(Replace(System.IO.File.ReadAllText(Path.Combine(folder, "cache-trees.json"))))!.AsObject();
        StandIn.Change = Change;
    }

    public HubStandIn StandIn { get; } = new();

    public Dictionary<string, StandInRepository> Repositories { get; } = new(StringComparer.Ordinal);

    public IReadOnlyList<GoldenStep> Steps { get; }

    /// <summary>Cache trees by step, with the hashes of the stand-in's bytes.</summary>
    public JsonObject Trees { get; }

    public string Owner => Repositories.Values.First().Id.Split('/')[0];

    public void Begin(GoldenStep step)
    {
        lock (script)
        {
            script.Clear();
            foreach (IGrouping<string, Exchange> group in step.Exchanges.GroupBy(e => $"{e.Method} {e.Path}"))
            {
                script[group.Key] = new Queue<Exchange>(group);
            }
        }
    }

    /// <summary>Whether a hash of the goldens is that of a listed file.</summary>
    public bool IsListed(string oldHash) => hashes.ContainsKey(oldHash);

    public StandInFile ByEtag(string etag) => byOldHash.Values.First(f => f.Etag == etag || f.Sha256 == etag);

    public void Dispose() => StandIn.Dispose();

    private void ReadFiles(string folder)
    {
        Dictionary<string, byte[]> known = Directory.GetFiles(Path.Combine(folder, "files")).Select(System.IO.File.ReadAllBytes)
            .GroupBy(b => new StandInFile(b, false).Sha256).ToDictionary(g => g.Key, g => g.First(), StringComparer.Ordinal);
        foreach ((string name, JsonNode? files) in JsonNode.Parse(System.IO.File.ReadAllText(Path.Combine(folder, "files", "contents.json")))!.AsObject())
        {
            string[] parts = name.Split('/', 2);
            StandInRepository repository = StandIn.Add(parts[1], parts[0]);
            repository.Refs.Clear();
            Repositories[name] = repository;
            foreach ((string path, JsonNode? file) in files!.AsObject())
            {
                string oldSha256 = (string)file!["sha256"]!;
                byte[] bytes = known.GetValueOrDefault(oldSha256) ?? HubBench.Bytes(Seed.Of(oldSha256), (int)file["size"]!);
                StandInFile made = repository.Add(path, bytes, (bool)file["lfs"]!);
                hashes[oldSha256] = made.Sha256;
                hashes[(string)file["git_sha1"]!] = made.GitSha1;
                byOldHash[oldSha256] = made;
            }
        }
    }

    private void LearnRevision(Exchange exchange)
    {
        Match match = Regex.Match(exchange.Path, @"^/(?:api/(?<kind>models|datasets)/|(?<kind>datasets)/)?(?<id>[^/]+/[^/]+)/(?:revision|resolve)/(?<rev>[^/?]+)");
        string? commit = (string?)exchange.Headers["X-Repo-Commit"] ?? (string?)(exchange.Body?["json"] as JsonObject)?["sha"];
        string kind = match.Groups["kind"].Success ? match.Groups["kind"].Value : "models";
        if (match.Success && commit is not null && Repositories.TryGetValue($"{kind}/{match.Groups["id"].Value}", out StandInRepository? repository))
        {
            repository.Refs[Uri.UnescapeDataString(match.Groups["rev"].Value)] = commit;
        }
    }

    private static GoldenStep ReadStep(JsonNode step, Exchange[] exchanges)
    {
        int[] range = step["requests"] is JsonArray numbers ? [.. numbers.Select(n => (int)n!)] : [1, 0];
        return new GoldenStep(
            (string)step["step"]!, (string)step["call"]!, (string)step["home"]!, (string)step["outcome"]!,
            step["environment"]!.AsObject().ToDictionary(e => e.Key, e => (string)e.Value!),
            [.. exchanges.Where(e => e.Number >= range[0] && e.Number <= range[1])]);
    }

    private string Replace(string text) => hashes.Aggregate(text, (t, h) => t.Replace(h.Key, h.Value, StringComparison.Ordinal));

    private RawAnswer Change(RawRequest request, RawAnswer answer)
    {
        Exchange? recorded, next;
        lock (script)
        {
            if (!script.TryGetValue($"{request.Method} {request.Path}", out Queue<Exchange>? queue) || !queue.TryDequeue(out recorded))
            {
                return answer;
            }

            queue.TryPeek(out next);
        }

        if (recorded.Status >= 400)
        {
            string json = recorded.Body?["json"]?.ToJsonString() ?? "";
            return new RawAnswer(recorded.Status, recorded.Headers.ToDictionary(h => h.Key, h => (string)h.Value!), Encoding.UTF8.GetBytes(json));
        }

        var headers = new Dictionary<string, string>(answer.Headers);
        foreach ((string name, JsonNode? value) in recorded.Headers.Where(h => h.Key is "X-Xet-Hash" or "Link"))
        {
            headers[name] = ((string)value!).Replace("http://<hub>/", StandIn.Hub.Address.ToString(), StringComparison.Ordinal);
        }

        answer = answer with { Headers = headers };
        return request.Method == "GET" && recorded.Body?["bytes"] is { } bytes && answer.Body.Length > 0 ? Spoil(recorded, next, answer, (int)bytes) : answer;
    }

    /// <summary>A body that the client had to ask for again was cut; one of another length or hash than the listed file's was wrong.</summary>
    private RawAnswer Spoil(Exchange recorded, Exchange? next, RawAnswer answer, int bytes)
    {
        if (recorded.Status == 200 && bytes < answer.Body.Length)
        {
            return answer with { Body = answer.Body[..bytes] };
        }

        if (recorded.Status == 200 && !hashes.ContainsKey((string)recorded.Body!["sha256"]!))
        {
            return answer with { Body = [(byte)(answer.Body[0] ^ 1), .. answer.Body[1..]] };
        }

        int from = next?.Range is { } range ? int.Parse(range["bytes=".Length..].Split('-')[0], CultureInfo.InvariantCulture) : answer.Body.Length / 2;
        return next is null ? answer : answer with { CutAfter = from };
    }
}
