using System.Buffers.Binary;
using System.IO.Compression;
using Medix.Runs;

namespace Medix.Weights.Inspection;

/// <summary>
/// Tells from a file's name and first bytes whether it may be opened as weights. Python pickles never are: unpickling runs whatever calls the file lists.
/// </summary>
public static class WeightFileChecks
{
    private static readonly string[] PickleExtensions = [".pt", ".pth", ".ckpt", ".pkl", ".pickle"];
    private static readonly string[] PickleNames = ["pytorch_model", "adapter_model", "diffusion_pytorch_model", "training_args", "optimizer", "scheduler"];

    private const int Start = 512;

    /// <summary>How the file is known to be a pickle, for example <c>it is a zip with 'archive/data.pkl'</c>; null when it is none.</summary>
    /// <exception cref="MedixException">The file cannot be read.</exception>
    public static string? PickleSign(string path)
    {
        try
        {
            byte[] start = FirstBytes(path, out long size);
            return IsSafetensors(start, size) ? null : SignInContent(path, start, size) ?? SignInName(path);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new MedixException($"{path}: the file cannot be read ({fault.Message.TrimEnd('.')}). Check the path and its permissions.", fault);
        }
    }

    /// <summary>The names of a folder's files that are pickles, in order, whatever they are called; folders within it are not searched.</summary>
    public static IReadOnlyList<string> PicklesIn(string folder) =>
        [.. Directory.EnumerateFiles(folder).Where(IsReadablePickle).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    /// <summary>Throws <see cref="MedixException"/> with the reason when the file is a pickle, or stands for weights that were not fetched.</summary>
    public static void RequireReadable(string path)
    {
        if (PickleSign(path) is { } sign)
        {
            throw Refusal(path, sign);
        }

        if (FirstBytes(path, out long size).AsSpan().StartsWith("version https://git-lfs"u8))
        {
            throw new MedixException(
                $"{path}: it is a Git LFS pointer of {size} bytes that stands for the weights. Fetch the weights themselves: run 'git lfs pull' in the model's repository.");
        }
    }

    /// <summary>The refusal of a pickle: what it is, why it is not read, and what to do.</summary>
    internal static MedixException Refusal(string path, string sign) => new(
        $"{path}: it is a Python pickle ({sign}). Reading a pickle can run any code that its maker put in, so Medix never does. "
        + "Fetch the same model as .safetensors, which holds nothing but tensors. If there is none and you trust the source, "
        + "convert the file where it can do no harm: load it with torch.load(file, weights_only=True) and save it with safetensors.torch.save_file.");

    // The header's length may well begin with the byte that opens a pickle; the brace after it settles the matter.
    private static bool IsSafetensors(ReadOnlySpan<byte> start, long size) =>
        start.Length > 8 && start[8] == '{' && BinaryPrimitives.ReadUInt64LittleEndian(start) <= (ulong)(size - 8);

    // A file of an unusual name that cannot be opened does not matter to anyone; the model's own files are opened again, and then it is an error.
    private static bool IsReadablePickle(string path)
    {
        try
        {
            return PickleSign(path) is not null;
        }
        catch (MedixException)
        {
            return SignInName(path) is not null;
        }
    }

    private static string? SignInContent(string path, ReadOnlySpan<byte> start, long size)
    {
        if (PickleOpcodes.ProtocolOf(start) is { } protocol && (SignInName(path) is not null || PickleOpcodes.FollowProtocol(start, size)))
        {
            return $"it begins with the opcode of pickle protocol {protocol}";
        }

        return start.StartsWith("PK\u0003\u0004"u8) && PickleInZip(path) is { } entry ? $"it is a zip with '{entry}'" : null;
    }

    private static string? PickleInZip(string path)
    {
        try
        {
            using ZipArchive zip = ZipFile.OpenRead(path);
            return zip.Entries.Select(entry => entry.FullName).FirstOrDefault(name => Path.GetExtension(name) == ".pkl");
        }
        catch (InvalidDataException)
        {
            return null; // a broken zip has no entries to name; its file's name still decides
        }
    }

    private static string? SignInName(string path)
    {
        string name = Path.GetFileName(path), extension = Path.GetExtension(path).ToLowerInvariant();
        bool pickle = PickleExtensions.Contains(extension)
            || (extension == ".bin" && PickleNames.Any(start => name.StartsWith(start, StringComparison.OrdinalIgnoreCase)));
        return pickle ? "by its name; its content is of no safer kind" : null;
    }

    private static byte[] FirstBytes(string path, out long size)
    {
        using FileStream stream = File.OpenRead(path);
        size = stream.Length;
        byte[] start = new byte[Math.Min(Start, size)];
        return start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
    }
}
