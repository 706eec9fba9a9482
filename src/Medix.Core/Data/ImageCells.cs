using System.Buffers.Text;
using System.Globalization;

namespace Medix.Data;

/// <summary>
/// Turns the value of an image column into pictures: null, a path, binary, base64 or data URL text, a struct of bytes and path
/// (bytes win), or a list of these. Paths are relative to the dataset's folder and may not leave it.
/// </summary>
internal sealed class ImageCells(string folder)
{
    // Larger than any picture the decoder's limits let through, small enough that one lying file cannot fill the memory.
    private const long MaxFileBytes = 512L << 20;

    private readonly string root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
    private readonly Dictionary<string, ReadOnlyMemory<byte>> files = new(StringComparer.Ordinal);

    /// <summary>The pictures of one cell, in order; <paramref name="row"/> names those that have no name of their own.</summary>
    /// <exception cref="RowFaultException">A picture is missing, empty, of a wrong type or outside the folder.</exception>
    public IReadOnlyList<ImageSource> Read(object? cell, string row)
    {
        if (cell is not IReadOnlyList<object?> list)
        {
            return cell is null ? [] : [ReadOne(cell, row)];
        }

        List<ImageSource> images = [];
        foreach (object? item in list)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"{row} image {images.Count + 1}");
            images.Add(ReadOne(item ?? throw new RowFaultException(SkipReasons.MissingImage, $"{name} is null"), name));
        }

        return images;
    }

    private ImageSource ReadOne(object cell, string name) => cell switch
    {
        byte[] { Length: 0 } => throw new RowFaultException(SkipReasons.MissingImage, $"{name} has no bytes"),
        byte[] bytes => new ImageSource(name, bytes),
        string text => FromText(text, name),
        IReadOnlyDictionary<string, object?> fields => FromStruct(fields, name),
        _ => throw new RowFaultException(SkipReasons.WrongType, $"{name} is {cell.GetType().Name}, expected a path, bytes or struct of bytes and path"),
    };

    private ImageSource FromStruct(IReadOnlyDictionary<string, object?> fields, string name)
    {
        string? path = fields.GetValueOrDefault("path") as string;
        // The path beside bytes is only a name (datasets keeps the original file's); it is read only where there are no bytes.
        return fields.GetValueOrDefault("bytes") switch
        {
            byte[] { Length: > 0 } bytes => new ImageSource(string.IsNullOrEmpty(path) ? name : path, bytes),
            string { Length: > 0 } text => FromText(text, name),
            _ when !string.IsNullOrEmpty(path) => FromFile(path),
            _ => throw new RowFaultException(SkipReasons.MissingImage, $"{name} has neither bytes nor a path"),
        };
    }

    private ImageSource FromText(string text, string name)
    {
        if (text.StartsWith("data:", StringComparison.OrdinalIgnoreCase))
        {
            int comma = text.IndexOf(',', StringComparison.Ordinal);
            return comma > 0 && text.AsSpan(0, comma).EndsWith(";base64", StringComparison.OrdinalIgnoreCase) && TryBase64(text.AsSpan(comma + 1)) is { } data
                ? new ImageSource(name, data)
                : throw new RowFaultException(SkipReasons.DamagedImage, $"{name} is a data URL, but not of base64");
        }

        // A path may be spelt with base64's letters alone ("scan1"), so text counts as base64 only if it decodes to a known picture format.
        return TryBase64(text) is { } bytes && LooksLikePicture(bytes) ? new ImageSource(name, bytes) : FromFile(text);
    }

    private static byte[]? TryBase64(ReadOnlySpan<char> text) =>
        text.Length >= 16 && Base64.IsValid(text) ? Convert.FromBase64String(text.ToString()) : null;

    private static bool LooksLikePicture(ReadOnlySpan<byte> bytes) =>
        bytes.StartsWith((ReadOnlySpan<byte>)[0x89, 0x50, 0x4E, 0x47])
        || bytes.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]) || bytes.StartsWith("GIF8"u8) || bytes.StartsWith("BM"u8)
        || bytes.StartsWith("II*\0"u8) || bytes.StartsWith("MM\0*"u8)
        || (bytes.Length > 12 && bytes.StartsWith("RIFF"u8) && bytes[8..].StartsWith("WEBP"u8))
        || (bytes.Length > 132 && bytes[128..].StartsWith("DICM"u8));

    private ImageSource FromFile(string path)
    {
        string full = Resolve(path);
        if (!files.TryGetValue(full, out ReadOnlyMemory<byte> bytes))
        {
            bytes = Load(full, path);
            files.Add(full, bytes);
        }

        return new ImageSource(path, bytes);
    }

    private string Resolve(string path)
    {
        if (string.IsNullOrWhiteSpace(path) || path.Contains('\0', StringComparison.Ordinal))
        {
            throw new RowFaultException(SkipReasons.MissingImage, "the image's path is empty or holds a NUL");
        }

        if (path.Contains("://", StringComparison.Ordinal))
        {
            throw new RowFaultException(SkipReasons.MissingImage, $"'{path}' is a web address; download the images into the data set's folder first");
        }

        string full = Path.GetFullPath(path.Replace('\\', '/'), root);
        return full.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            ? full
            : throw new RowFaultException(SkipReasons.ImageOutsideFolder, $"'{path}' is not inside '{root}'");
    }

    private static byte[] Load(string full, string path)
    {
        FileInfo file = new(full);
        if (!file.Exists || file.Length == 0)
        {
            throw new RowFaultException(SkipReasons.MissingImage, file.Exists ? $"'{path}' is an empty file" : $"there is no file '{path}'");
        }

        if (file.Length > MaxFileBytes)
        {
            throw new RowFaultException(SkipReasons.DamagedImage, $"'{path}' has {file.Length} bytes, at most {MaxFileBytes} are read");
        }

        try
        {
            return File.ReadAllBytes(full);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RowFaultException(SkipReasons.MissingImage, $"'{path}' cannot be read: {error.Message}");
        }
    }
}
