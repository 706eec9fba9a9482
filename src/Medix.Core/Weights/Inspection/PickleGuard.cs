using System.IO.Compression;
using Medix.Runs;

namespace Medix.Weights.Inspection;

/// <summary>Tells Python pickles from other files. Opening a pickle runs whatever program it holds, so Medix reads none; this looks at names and first bytes only.</summary>
public static class PickleGuard
{
    private static readonly string[] Endings = [".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"];

    /// <summary>Whether the file is a pickle: a bare one (protocol 2 or newer), or a zip archive with one inside, as torch saves them.</summary>
    public static bool IsPickle(string path)
    {
        using FileStream stream = File.OpenRead(path);
        Span<byte> start = stackalloc byte[2];
        int read = stream.ReadAtLeast(start, 2, throwOnEndOfStream: false);
        if (read == 2 && start[0] == 0x80 && start[1] is >= 2 and <= 5)
        {
            return true;
        }

        if (read < 2 || start[0] != 'P' || start[1] != 'K')
        {
            return false;
        }

        try
        {
            stream.Position = 0;
            using ZipArchive archive = new(stream, ZipArchiveMode.Read);
            return archive.Entries.Any(entry => entry.FullName.EndsWith(".pkl", StringComparison.Ordinal));
        }
        catch (InvalidDataException)
        {
            return true; // a damaged archive of weights: nothing that could be read in another way
        }
    }

    /// <summary>Whether a name looks like one of torch's own files.</summary>
    public static bool HasPickleName(string path) => Endings.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    /// <summary>The refusal, with the reason and what to do.</summary>
    public static MedixException Refusal(string path) => new(
        $"{path} is a Python pickle. Opening a pickle runs whatever program it holds, so Medix never does. Take the model's safetensors files: "
        + "most repositories have them, and their publisher or `safetensors.torch.save_file` can make them.");
}
