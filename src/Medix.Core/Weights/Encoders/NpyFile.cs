using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Medix.Runs;

namespace Medix.Weights.Encoders;

/// <summary>Reads NumPy's <c>.npy</c> files, as far as word vectors come in them: single-precision matrices in row order.</summary>
public static partial class NpyFile
{
    private const int MagicLength = 6;
    private const int MaxHeader = 1 << 16;

    /// <summary>The matrix, row after row, and its columns. The sizes are checked against the file before anything is allocated.</summary>
    /// <exception cref="MedixException">Not such a file, another type or order, or a file shorter than its header says. Pickled objects are refused.</exception>
    public static float[] ReadMatrix(string path, out int columns)
    {
        using FileStream stream = File.OpenRead(path);
        string header = ReadHeader(stream, path);
        Match found = Fields().Match(header);
        if (!found.Success || found.Groups["type"].Value is not "<f4" || found.Groups["order"].Value == "True")
        {
            throw new MedixException(
                $"{path}: the header is {header.Trim()}; expected 'descr': '<f4', 'fortran_order': False and a shape of two sizes. "
                + "Save the matrix with numpy.save(path, matrix.astype('float32')).");
        }

        bool whole = long.TryParse(found.Groups["rows"].Value, CultureInfo.InvariantCulture, out long rows)
            & int.TryParse(found.Groups["columns"].Value, CultureInfo.InvariantCulture, out columns);
        long bytes = stream.Length - stream.Position;
        if (!whole || columns == 0 || (Int128)rows * columns * sizeof(float) != bytes || bytes > Array.MaxLength)
        {
            throw new MedixException($"{path}: the header says {found.Groups["rows"].Value} x {found.Groups["columns"].Value} numbers, "
                + $"but {bytes} bytes follow it. Fetch or save the file again.");
        }

        float[] values = new float[bytes / sizeof(float)];
        stream.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    private static string ReadHeader(FileStream stream, string path)
    {
        Span<byte> start = stackalloc byte[MagicLength + 6];
        int read = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        bool magic = read == start.Length && start[0] == 0x93 && start[1..MagicLength].SequenceEqual("NUMPY"u8);
        int major = magic ? start[MagicLength] : 0, sizeBytes = major == 1 ? 2 : 4;
        uint length = major switch
        {
            1 => BinaryPrimitives.ReadUInt16LittleEndian(start[(MagicLength + 2)..]),
            2 or 3 => BinaryPrimitives.ReadUInt32LittleEndian(start[(MagicLength + 2)..]),
            _ => throw new MedixException($"{path}: it does not begin as a .npy file of version 1 to 3. Fetch or save the file again."),
        };
        stream.Position = MagicLength + 2 + sizeBytes;
        if (length > MaxHeader || stream.Position + length > stream.Length)
        {
            throw new MedixException($"{path}: the header claims {length} bytes. Fetch or save the file again.");
        }

        byte[] header = new byte[length];
        stream.ReadExactly(header);
        return Encoding.UTF8.GetString(header);
    }

    [GeneratedRegex(@"'descr': '(?<type>[^']*)', 'fortran_order': (?<order>True|False), 'shape': \((?<rows>\d+), (?<columns>\d+)\)", RegexOptions.CultureInvariant)]
    private static partial Regex Fields();
}
