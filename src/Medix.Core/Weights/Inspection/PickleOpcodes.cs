using System.Buffers.Binary;

namespace Medix.Weights.Inspection;

/// <summary>
/// Tells whether bytes are the beginning of a pickle program, by walking its opcodes without carrying any out. The opcodes are those of Python's
/// <c>pickletools</c>, protocols 0 to 5.
/// </summary>
internal static class PickleOpcodes
{
    private const byte Protocol = 0x80, Stop = (byte)'.';
    private const int OldestProtocol = 2, NewestProtocol = 5;
    private const int LeastOpcodes = 3;

    // Opcodes by what follows them: bytes, a length of so many bytes with as much content, or lines.
    private static readonly Dictionary<byte, int> Fixed = Of(new()
    {
        ["(012NQRabdlost]})eu\u0081\u0085\u0086\u0087\u0088\u0089\u008f\u0090\u0091\u0092\u0093\u0094\u0097\u0098"] = 0,
        ["Khq\u0082"] = 1,
        ["M\u0083"] = 2,
        ["Jjr\u0084"] = 4,
        ["G\u0095"] = 8,
    });

    private static readonly Dictionary<byte, int> Counted = Of(new() { ["UC\u008a\u008c"] = 1, ["TXB\u008b"] = 4, ["\u008d\u008e\u0096"] = 8 });
    private static readonly Dictionary<byte, int> Lines = Of(new() { ["FILPSVgp"] = 1, ["ci"] = 2 });

    /// <summary>The protocol that the bytes begin with, or null; says nothing of what follows.</summary>
    public static int? ProtocolOf(ReadOnlySpan<byte> start) =>
        start.Length > 1 && start[0] == Protocol && start[1] is >= OldestProtocol and <= NewestProtocol ? start[1] : null;

    /// <summary>
    /// Whether opcodes follow the protocol, up to the program's end or to the end of <paramref name="start"/>, the first bytes of a file of
    /// <paramref name="size"/> bytes.
    /// </summary>
    public static bool FollowProtocol(ReadOnlySpan<byte> start, long size)
    {
        long at = 2;
        int opcodes = 0;
        while (at < start.Length)
        {
            if (start[(int)at] == Stop)
            {
                return opcodes > 0;
            }

            long after = After(start, (int)at);
            if (after < 0 || after > size)
            {
                return false;
            }

            at = after;
            opcodes++;
        }

        // A file that ends without the end of its program is no pickle; only the window may cut one.
        return opcodes > 0 && size > start.Length && (opcodes >= LeastOpcodes || at > start.Length);
    }

    /// <summary>Where the opcode and its argument end, -1 where it is none.</summary>
    private static long After(ReadOnlySpan<byte> bytes, int at)
    {
        byte opcode = bytes[at];
        if (Fixed.TryGetValue(opcode, out int width))
        {
            return at + 1 + width;
        }

        if (Counted.TryGetValue(opcode, out width))
        {
            ReadOnlySpan<byte> length = bytes[(at + 1)..];
            long count = length.Length < width ? 0 : width switch
            {
                1 => length[0],
                4 => BinaryPrimitives.ReadUInt32LittleEndian(length),
                _ => (long)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(length), long.MaxValue / 2),
            };
            return at + 1 + width + count;
        }

        if (!Lines.TryGetValue(opcode, out int lines))
        {
            return -1;
        }

        for (at++; lines > 0; lines--)
        {
            int end = bytes[at..].IndexOf((byte)'\n');
            if (end < 0)
            {
                return bytes.Length; // the line goes on after the window
            }

            at += end + 1;
        }

        return at;
    }

    private static Dictionary<byte, int> Of(Dictionary<string, int> groups) =>
        groups.SelectMany(group => group.Key.Select(opcode => (Opcode: (byte)opcode, Width: group.Value))).ToDictionary(pair => pair.Opcode, pair => pair.Width);
}
