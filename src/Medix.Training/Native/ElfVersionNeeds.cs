using System.Buffers.Binary;
using System.Text;

namespace Medix.Training.Native;

/// <summary>Edits the table of required symbol versions (<c>.gnu.version_r</c>) of a 64-bit little-endian ELF image.</summary>
internal static class ElfVersionNeeds
{
    private const uint VersionNeedSection = 0x6ffffffe;
    private const byte Weak = 2;

    /// <summary>Sets the weak flag on the need for <paramref name="version"/>; false when the image is no such ELF file or does not name it.</summary>
    public static bool MarkWeak(Span<byte> image, string version)
    {
        if (image.Length < 64 || !image.StartsWith("\u007fELF\u0002\u0001"u8))
        {
            return false;
        }

        byte[] name = Encoding.ASCII.GetBytes(version);
        long sections = Int64(image, 0x28);
        int size = UInt16(image, 0x3a);
        for (int i = 0; i < UInt16(image, 0x3c); i++)
        {
            int header = checked((int)(sections + ((long)i * size)));
            if (UInt32(image, header + 4) == VersionNeedSection)
            {
                int strings = checked((int)(sections + ((long)UInt32(image, header + 0x28) * size)));
                return MarkWeak(image, Offset(image, header), Offset(image, strings), name);
            }
        }

        return false;
    }

    private static bool MarkWeak(Span<byte> image, int need, int strings, ReadOnlySpan<byte> version)
    {
        while (true)
        {
            int entry = need + (int)UInt32(image, need + 8);
            for (int left = UInt16(image, need + 2); left > 0; left--, entry += (int)UInt32(image, entry + 12))
            {
                ReadOnlySpan<byte> text = image[(strings + (int)UInt32(image, entry + 8))..];
                if (text[..text.IndexOf((byte)0)].SequenceEqual(version))
                {
                    image[entry + 4] |= Weak;
                    return true;
                }
            }

            uint next = UInt32(image, need + 12);
            if (next == 0)
            {
                return false;
            }

            need += (int)next;
        }
    }

    private static int Offset(ReadOnlySpan<byte> image, int header) => checked((int)Int64(image, header + 0x18));

    private static ushort UInt16(ReadOnlySpan<byte> image, int at) => BinaryPrimitives.ReadUInt16LittleEndian(image[at..]);

    private static uint UInt32(ReadOnlySpan<byte> image, int at) => BinaryPrimitives.ReadUInt32LittleEndian(image[at..]);

    private static long Int64(ReadOnlySpan<byte> image, int at) => BinaryPrimitives.ReadInt64LittleEndian(image[at..]);
}
