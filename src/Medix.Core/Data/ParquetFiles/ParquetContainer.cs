using System.Buffers.Binary;
using System.Text;
using Medix.Runs;

namespace Medix.Data;

/// <summary>
/// Looks at a Parquet file's two ends before anything is parsed, so that the common accidents (a web page, a Git LFS pointer, a cut download,
/// an encrypted file) are named for what they are and no size is believed that the file cannot hold.
/// </summary>
internal static class ParquetContainer
{
    private const int TailBytes = 8;

    /// <summary>Where the footer begins and how long it is.</summary>
    public static FooterRange Check(Stream file, string path)
    {
        byte[] head = ReadAt(file, 0, (int)Math.Min(file.Length, 64));
        if (Misnamed(head) is { } found)
        {
            throw Refuse(path, found.What, found.Remedy);
        }

        if (file.Length < 12)
        {
            throw Refuse(path, $"it has {file.Length} bytes, the smallest Parquet file has 12", "download or write it again");
        }

        byte[] tail = ReadAt(file, file.Length - TailBytes, TailBytes);
        if (head.AsSpan().StartsWith("PARE"u8) || tail.AsSpan(4).SequenceEqual("PARE"u8))
        {
            throw Refuse(path, "it is encrypted (magic PARE)", "decrypt it with the tool that wrote it; Medix holds no keys");
        }

        if (!head.AsSpan().StartsWith("PAR1"u8))
        {
            throw Refuse(path, $"it begins with {Show(head.AsSpan(0, 4))}, expected PAR1", "download or write it again");
        }

        if (!tail.AsSpan(4).SequenceEqual("PAR1"u8))
        {
            throw Refuse(path, $"it ends with {Show(tail.AsSpan(4))}, expected PAR1: the file is cut off", "download or write it again");
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(tail);
        return length > 0 && length <= file.Length - 12
            ? new FooterRange(file.Length - TailBytes - length, (int)length)
            : throw Refuse(path, $"its footer claims {length} bytes, expected 1 to {file.Length - 12}", "download or write it again");
    }

    /// <summary>The one sentence every refusal has: file, finding, remedy.</summary>
    public static MedixException Refuse(string path, string found, string remedy, Exception? inner = null)
    {
        string message = $"'{path}' cannot be read as Parquet: {found}. What to do: {remedy}.";
        return inner is null ? new MedixException(message) : new MedixException(message, inner);
    }

    private static Misnaming? Misnamed(ReadOnlySpan<byte> head)
    {
        string text = Encoding.Latin1.GetString(head).TrimStart();
        return text switch
        {
            "" when head.Length == 0 => new Misnaming("it is empty (0 bytes)", "download or write it again"),
            _ when text.StartsWith("version https://git-lfs", StringComparison.Ordinal) =>
                new Misnaming("it is a Git LFS pointer, not the data", "run 'git lfs pull' in the data set's folder"),
            _ when text.StartsWith("<!doctype", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase) =>
                new Misnaming("it is a web page (HTML) saved under this name", "download the data itself; the page may ask to sign in or accept terms"),
            _ => null,
        };
    }

    private static string Show(ReadOnlySpan<byte> bytes) => $"0x{Convert.ToHexString(bytes)}";

    private static byte[] ReadAt(Stream file, long offset, int count)
    {
        byte[] bytes = new byte[count];
        file.Seek(offset, SeekOrigin.Begin);
        file.ReadExactly(bytes);
        return bytes;
    }

    private sealed record Misnaming(string What, string Remedy);
}

/// <summary>A Parquet footer's place in its file, in bytes.</summary>
internal sealed record FooterRange(long Offset, int Length);
