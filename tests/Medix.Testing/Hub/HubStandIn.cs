using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Medix.Testing.Hub;

/// <summary>A repository of the stand-in: what its revisions mean and what each commit holds.</summary>
public sealed class StandInRepository(string kind, string id)
{
    /// <summary><c>models</c> or <c>datasets</c>.</summary>
    public string Kind => kind;

    /// <summary><c>OWNER/NAME</c>.</summary>
    public string Id => id;

    /// <summary>Branches, tags and pull requests, and the commits they mean.</summary>
    public Dictionary<string, string> Refs { get; } = new(StringComparer.Ordinal);

    /// <summary>Files of all commits.</summary>
    public Dictionary<string, StandInFile> Files { get; } = new(StringComparer.Ordinal);

    /// <summary>Adds a file; a large one is served by the storage host under its SHA-256.</summary>
    public StandInFile Add(string path, byte[] bytes, bool large = false) => Files[path] = new StandInFile(bytes, large);
}

/// <summary>Bytes with the names that a hub gives them.</summary>
public sealed class StandInFile(byte[] bytes, bool large)
{
    /// <summary>What is served.</summary>
    public byte[] Bytes => bytes;

    /// <summary>Whether it is in large-file storage.</summary>
    public bool Large => large;

    /// <summary>Git's name of the bytes.</summary>
    public string GitSha1 { get; } = Git(bytes);

    /// <summary>SHA-256 of the bytes.</summary>
    public string Sha256 { get; } = Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>The hash that names the file.</summary>
    public string Etag => large ? Sha256 : GitSha1;

    private static string Git(byte[] bytes)
    {
#pragma warning disable CA5350 // git's own names
        return Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {bytes.Length}\0"), .. bytes]));
#pragma warning restore CA5350
    }
}

/// <summary>
/// Speaks the Hugging Face hub's protocol for its repositories, on two servers: the hub, and a storage host that large files are redirected to.
/// <see cref="Change"/> makes any answer wrong in any way.
/// </summary>
public sealed class HubStandIn : IDisposable
{
    private readonly List<StandInRepository> repositories = [];

    /// <summary>Starts both servers.</summary>
    public HubStandIn()
    {
        Hub = new RawHttpServer("127.0.0.1", r => Change(r, OfHub(r)));
        Storage = new RawHttpServer("localhost", r => Change(r, OfStorage(r)));
    }

    /// <summary>The hub; its address is the endpoint.</summary>
    public RawHttpServer Hub { get; }

    /// <summary>Where large files are.</summary>
    public RawHttpServer Storage { get; }

    /// <summary>Gets each request with the right answer, and returns the one that is sent.</summary>
    public Func<RawRequest, RawAnswer, RawAnswer> Change { get; set; } = (_, answer) => answer;

    /// <summary>Makes a repository whose main branch is at the commit.</summary>
    public StandInRepository Add(string id, string kind = "models", string? commit = null)
    {
        var repository = new StandInRepository(kind, id) { Refs = { ["main"] = commit ?? new string('a', 40) } };
        repositories.Add(repository);
        return repository;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Hub.Dispose();
        Storage.Dispose();
    }

    /// <summary>An error as the hub words it.</summary>
    public static RawAnswer Error(int status, string? code, string message, params (string Name, string Value)[] headers)
    {
        List<(string, string)> all = [.. headers, ("X-Error-Message", message), ("X-Request-Id", "Root=1-0")];
        if (code is not null)
        {
            all.Add(("X-Error-Code", code));
        }

        return RawAnswer.Json(status, new JsonObject { ["error"] = message }.ToJsonString(), [.. all]);
    }

    private RawAnswer OfHub(RawRequest request)
    {
        string[] parts = request.Path.Split('?')[0].Trim('/').Split('/');
        bool api = parts[0] == "api";
        int first = api || parts[0] == "datasets" ? 1 : 0;
        string kind = api ? parts[1] : parts[0] == "datasets" ? "datasets" : "models";
        int id = api ? 2 : first;
        if (parts.Length < id + 4)
        {
            return Error(404, null, "Not found");
        }

        StandInRepository? repository = repositories.Find(r => r.Kind == kind && r.Id == $"{parts[id]}/{parts[id + 1]}");
        string revision = Uri.UnescapeDataString(parts[id + 3]);
        if (repository is null)
        {
            return request.Header("Authorization") is null ? Error(401, "RepoNotFound", "Invalid username or password.") : Error(404, "RepoNotFound", "Repository not found");
        }

        string? commit = repository.Refs.ContainsValue(revision) ? revision : repository.Refs.GetValueOrDefault(revision);
        return commit is null
            ? Error(404, "RevisionNotFound", $"Invalid rev id: {revision}")
            : parts[id + 2] switch
            {
                "revision" => RawAnswer.Json(200, new JsonObject { ["id"] = repository.Id, ["sha"] = commit }.ToJsonString()),
                "tree" => RawAnswer.Json(200, Tree(repository).ToJsonString()),
                "resolve" => Resolve(repository, commit, Uri.UnescapeDataString(string.Join('/', parts[(id + 4)..])), request),
                _ => Error(404, null, "Not found"),
            };
    }

    private static JsonArray Tree(StandInRepository repository) => [.. repository.Files.Select(f =>
    {
        var entry = new JsonObject { ["type"] = "file", ["oid"] = f.Value.GitSha1, ["size"] = f.Value.Bytes.Length, ["path"] = f.Key };
        if (f.Value.Large)
        {
            entry["lfs"] = new JsonObject { ["oid"] = f.Value.Sha256, ["size"] = f.Value.Bytes.Length, ["pointerSize"] = 134 };
        }

        return (JsonNode)entry;
    })];

    private RawAnswer Resolve(StandInRepository repository, string commit, string path, RawRequest request)
    {
        if (!repository.Files.TryGetValue(path, out StandInFile? file))
        {
            return Error(404, "EntryNotFound", "Entry not found", ("X-Repo-Commit", commit));
        }

        var headers = new Dictionary<string, string> { ["X-Repo-Commit"] = commit, ["Accept-Ranges"] = "bytes" };
        if (!file.Large)
        {
            headers["ETag"] = $"\"{file.GitSha1}\"";
            return Ranged(file.Bytes, headers, request);
        }

        headers["Location"] = $"{Storage.Address}cdn/{repository.Kind}/{repository.Id.Replace("/", "--", StringComparison.Ordinal)}/{path}";
        headers["X-Linked-Size"] = file.Bytes.Length.ToString(CultureInfo.InvariantCulture);
        headers["X-Linked-ETag"] = $"\"{file.Sha256}\"";
        return new RawAnswer(302, headers, []);
    }

    private RawAnswer OfStorage(RawRequest request)
    {
        string[] parts = request.Path.Split('?')[0].Trim('/').Split('/');
        StandInRepository? repository = parts.Length < 4 ? null : repositories.Find(r => r.Kind == parts[1] && r.Id.Replace("/", "--", StringComparison.Ordinal) == parts[2]);
        return repository is not null && repository.Files.TryGetValue(Uri.UnescapeDataString(string.Join('/', parts[3..])), out StandInFile? file)
            ? Ranged(file.Bytes, new Dictionary<string, string> { ["ETag"] = $"\"{file.Sha256}\"", ["Accept-Ranges"] = "bytes" }, request)
            : new RawAnswer(404, new Dictionary<string, string>(), []);
    }

    private static RawAnswer Ranged(byte[] bytes, Dictionary<string, string> headers, RawRequest request)
    {
        if (request.Header("Range") is not { } range)
        {
            return new RawAnswer(200, headers, bytes);
        }

        string[] ends = range["bytes=".Length..].Split('-');
        int from = int.Parse(ends[0], CultureInfo.InvariantCulture);
        int to = ends[1].Length > 0 ? Math.Min(int.Parse(ends[1], CultureInfo.InvariantCulture), bytes.Length - 1) : bytes.Length - 1;
        if (from > to)
        {
            headers["Content-Range"] = $"bytes */{bytes.Length}";
            return new RawAnswer(416, headers, []);
        }

        headers["Content-Range"] = $"bytes {from}-{to}/{bytes.Length}";
        return new RawAnswer(206, headers, bytes[from..(to + 1)]);
    }
}
