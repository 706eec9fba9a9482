using Medix.Runs;

namespace Medix.Weights;

/// <summary>Folders that are either there whole or not at all.</summary>
public static class NewFolder
{
    /// <summary>
    /// Fills a folder under a temporary name beside the target, then renames it. Throws <see cref="MedixException"/> where something is in the way, an empty
    /// folder excepted, or the files cannot be written; nothing is left then.
    /// </summary>
    public static void Write(string folder, Action<string> fill)
    {
        Task filled = WriteAsync(folder, partial =>
        {
            fill(partial);
            return Task.CompletedTask;
        });
        filled.GetAwaiter().GetResult();
    }

    /// <summary>The same where filling takes awaiting.</summary>
    public static async Task WriteAsync(string folder, Func<string, Task> fill)
    {
        if (folder.Length == 0)
        {
            throw new MedixException("The name of a folder to make is empty. Name a folder.");
        }

        string target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (File.Exists(target) || (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any()))
        {
            string found = File.Exists(target) ? "a file of that name" : "a folder that is not empty";
            throw new MedixException($"{folder}: there is {found}. Name a new folder; nothing is overwritten.");
        }

        string partial = $"{target}.{Environment.ProcessId}.partial";
        try
        {
            Directory.CreateDirectory(partial);
            await fill(partial).ConfigureAwait(false);
            if (Directory.Exists(target))
            {
                Directory.Delete(target);
            }

            Directory.Move(partial, target);
        }
        catch (MedixException error) when (error.Message.Contains(partial, StringComparison.Ordinal))
        {
            // The reader named the folder, not what it is called until it is whole.
            throw new MedixException(error.Message.Replace(partial, folder, StringComparison.Ordinal), error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MedixException(
                $"{folder}: the folder could not be written ({error.Message.TrimEnd('.')}). Check the path, its permissions and the disk's free space.", error);
        }
        finally
        {
            if (Directory.Exists(partial))
            {
                Directory.Delete(partial, recursive: true);
            }
        }
    }
}
