using System.Text.Encodings.Web;
using System.Text.Json;
using Medix.Runs;

namespace Medix.Clients.Hub;

/// <summary>
/// The files of a repository at a commit: as the hub lists them, and as <c>trees/COMMIT.json</c> of the cache keeps them for good, for a commit never changes.
/// Both are read with distrust: sizes and hashes are checked here, paths when files are chosen, so that --exclude can leave out a bad one.
/// </summary>
internal static class FileListing
{
    private const int FormatVersion = 1;
    private const int MaxFiles = 1_000_000;
    private static readonly JsonWriterOptions Style = new()
    {
        Indented = true, IndentSize = 1, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Adds the files of one page of the hub's listing; folders are left out.</summary>
    public static void AddPage(List<RepositoryFile> files, JsonElement page)
    {
        if (page.ValueKind != JsonValueKind.Array)
        {
            throw HubFaults.BadAnswer($"The hub's listing of files is JSON of kind {page.ValueKind}; expected an array.");
        }

        foreach (JsonElement entry in page.EnumerateArray())
        {
            if (EndpointHttp.Text(entry, "type") != "file")
            {
                continue;
            }

            string? path = EndpointHttp.Text(entry, "path");
            JsonElement? lfs = EndpointHttp.Property(entry, "lfs") is { ValueKind: JsonValueKind.Object } large ? large : null;
            files.Add(Checked(
                path,
                EndpointHttp.Integer(entry, "size"),
                EndpointHttp.Text(entry, "oid"),
                lfs is { } l ? EndpointHttp.Text(l, "oid") ?? "" : null,
                EndpointHttp.Text(entry, "xetHash")));
            if (files.Count > MaxFiles)
            {
                throw HubFaults.BadAnswer($"The hub lists more than {MaxFiles} files.");
            }
        }
    }

    /// <summary>Refuses a listing that names a file twice, or a file as another's folder.</summary>
    public static IReadOnlyList<RepositoryFile> Complete(List<RepositoryFile> files)
    {
        files.Sort((a, b) => string.CompareOrdinal(a.Path, b.Path));
        var paths = new HashSet<string>(StringComparer.Ordinal);
        foreach (RepositoryFile file in files)
        {
            if (!paths.Add(file.Path))
            {
                throw HubFaults.BadAnswer($"The hub lists the file {file.Path} twice.");
            }
        }

        foreach (string path in files.Select(f => f.Path))
        {
            for (int slash = path.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = path.IndexOf('/', slash + 1))
            {
                if (paths.Contains(path[..slash]))
                {
                    throw HubFaults.BadAnswer($"The hub lists {path[..slash]} as a file and as the folder of {path}.");
                }
            }
        }

        return files;
    }

    /// <summary>The kept listing, or null where there is none or it cannot be used.</summary>
    public static IReadOnlyList<RepositoryFile>? Read(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            if (EndpointHttp.Integer(document.RootElement, "format_version") != FormatVersion
                || EndpointHttp.Property(document.RootElement, "files") is not { ValueKind: JsonValueKind.Object } entries)
            {
                return null;
            }

            List<RepositoryFile> files = [.. entries.EnumerateObject().Select(e => Checked(
                e.Name,
                EndpointHttp.Integer(e.Value, "size"),
                EndpointHttp.Text(e.Value, "blob_id"),
                EndpointHttp.Text(e.Value, "lfs_sha256"),
                EndpointHttp.Text(e.Value, "xet_hash")))];
            return Complete(files);
        }
        catch (Exception e) when (e is JsonException or MedixException or IOException or UnauthorizedAccessException)
        {
            return null; // a listing is only kept to save a request: it is asked for again and written anew
        }
    }

    /// <summary>Writes the listing as the Python client does, byte for byte for ASCII names.</summary>
    public static void Write(string path, IReadOnlyList<RepositoryFile> files)
    {
        using var memory = new MemoryStream();
        using (var writer = new Utf8JsonWriter(memory, Style))
        {
            writer.WriteStartObject();
            writer.WriteNumber("format_version", FormatVersion);
            writer.WriteStartObject("files");
            foreach (RepositoryFile file in files.OrderBy(f => f.Path, StringComparer.Ordinal))
            {
                writer.WriteStartObject(file.Path);
                writer.WriteNumber("size", file.Size);
                writer.WriteString("blob_id", file.BlobId);
                if (file.Sha256 is not null)
                {
                    writer.WriteString("lfs_sha256", file.Sha256);
                    writer.WriteNumber("lfs_size", file.Size);
                }

                if (file.XetHash is not null)
                {
                    writer.WriteString("xet_hash", file.XetHash);
                }

                writer.WriteEndObject();
            }

            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        AtomicFile.WriteAllBytes(path, memory.ToArray());
    }

    private static RepositoryFile Checked(string? path, long? size, string? blob, string? sha256, string? xet)
    {
        if (path is null || size is not >= 0 || !RepositoryFile.IsSha1(blob) || (sha256 is not null && !RepositoryFile.IsSha256(sha256)))
        {
            throw HubFaults.BadAnswer($"The listing of {path} has size '{size}', hash '{blob}' and large-file hash '{sha256}'; expected bytes, 40 and 64 hexadecimal digits.");
        }

        return new RepositoryFile(path, size.Value, blob!, sha256, RepositoryFile.IsSha256(xet) ? xet : null);
    }
}
