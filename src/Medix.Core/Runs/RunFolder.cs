using System.Globalization;
using System.Text.Json;

namespace Medix.Runs;

/// <summary>
/// The folder of one run: <c>recipe.json</c>, <c>manifest.json</c>, <c>events.jsonl</c>, <c>rollouts/</c>, <c>checkpoints/</c>, <c>model/</c> and the report.
/// Files appear whole: they are written under a temporary name and renamed.
/// </summary>
public sealed class RunFolder
{
    private RunFolder(string path) => Path = path;

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>Makes a new folder <c>root/name-YYYYMMDD-HHMMSS</c> (with a counter where that exists already).</summary>
    public static RunFolder Create(string root, string name, TimeProvider time)
    {
        string stamp = time.GetLocalNow().ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture);
        for (int i = 0; ; i++)
        {
            string path = System.IO.Path.Combine(root, i == 0 ? $"{name}-{stamp}" : $"{name}-{stamp}-{i + 1}");
            if (!Directory.Exists(path))
            {
                Directory.CreateDirectory(System.IO.Path.Combine(path, "rollouts"));
                return new RunFolder(path);
            }
        }
    }

    /// <summary>Opens an existing run folder.</summary>
    public static RunFolder Open(string path) => File.Exists(System.IO.Path.Combine(path, "recipe.json"))
        ? new RunFolder(path)
        : throw new MedixException(
            $"{path} is not a run folder: it has no recipe.json. Give the folder that an earlier `medix train` printed, or leave it out to resume the newest.");

    /// <summary>The newest run folder of that name which has a checkpoint, or null.</summary>
    public static RunFolder? Newest(string root, string name)
    {
        string? path = Directory.Exists(root)
            ? Directory.GetDirectories(root, name + "-*")
                .Where(d => Directory.Exists(System.IO.Path.Combine(d, "checkpoints")) && File.Exists(System.IO.Path.Combine(d, "recipe.json")))
                .Order(StringComparer.Ordinal).LastOrDefault()
            : null;
        return path is null ? null : new RunFolder(path);
    }

    /// <summary>A path inside the folder.</summary>
    public string PathOf(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);

    /// <summary>Writes a whole text file atomically.</summary>
    public void Write(string name, string text) => AtomicFile.WriteAllText(PathOf(name), text);

    /// <summary>Writes an object as indented JSON atomically.</summary>
    public void WriteJson<T>(string name, T value) => Write(name, JsonSerializer.Serialize(value, EventLog.Indented));
}

/// <summary>Files that are either there whole or not at all. Methods throw <see cref="MedixException"/> where a file cannot be written.</summary>
public static class AtomicFile
{
    /// <summary>Writes the text under a temporary name beside the target, then renames it.</summary>
    public static void WriteAllText(string path, string text) => Write(path, temporary => File.WriteAllText(temporary, text));

    /// <summary>Writes the bytes under a temporary name beside the target, then renames it.</summary>
    public static void WriteAllBytes(string path, ReadOnlySpan<byte> bytes)
    {
        byte[] copy = bytes.ToArray();
        Write(path, temporary => File.WriteAllBytes(temporary, copy));
    }

    /// <summary>Throws where a file could not be written under this name, so that this is known before the work that ends with it. What is there stays as it is.</summary>
    public static void RequireWritable(string path)
    {
        if (Directory.Exists(path))
        {
            throw new MedixException($"{path}: there is a folder of that name. Name a file.");
        }

        Write(path, temporary => File.WriteAllText(temporary, ""), rename: false);
    }

    /// <summary>The same where nothing may be overwritten: throws where a file of that name is there too.</summary>
    public static void RequireNew(string path)
    {
        if (File.Exists(path))
        {
            throw new MedixException($"{path}: there is a file of that name. Name another file; nothing is overwritten.");
        }

        RequireWritable(path);
    }

    private static void Write(string path, Action<string> write, bool rename = true)
    {
        if (path.Length == 0)
        {
            throw new MedixException("The name of a file to write is empty. Name a file.");
        }

        string temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            try
            {
                write(temporary);
                if (rename)
                {
                    File.Move(temporary, path, overwrite: true);
                }
            }
            finally
            {
                File.Delete(temporary);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MedixException(
                $"{path}: the file could not be written ({error.Message.TrimEnd('.')}). Check the path, its permissions and the disk's free space.", error);
        }
    }
}
