using System.Text;

namespace Medix.Text;

/// <summary>
/// The 256 printable characters that stand for bytes in a byte-level vocabulary (GPT-2): printable Latin-1 stands for itself,
/// the other 68 bytes, in increasing order, are U+0100, U+0101 and so on.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] Symbols = MakeSymbols();
    private static readonly short[] Bytes = MakeBytes();

    /// <summary>The character of a byte.</summary>
    public static char Symbol(byte value) => Symbols[value];

    /// <summary>A text's UTF-8 bytes in the alphabet.</summary>
    public static string Encode(string text) => string.Create(Encoding.UTF8.GetByteCount(text), text, static (symbols, source) =>
    {
        int i = 0;
        foreach (byte value in Encoding.UTF8.GetBytes(source))
        {
            symbols[i++] = Symbols[value];
        }
    });

    /// <summary>The bytes a token stands for; a token with a character outside the alphabet stands for its own UTF-8 bytes.</summary>
    public static byte[] Decode(string token)
    {
        byte[] bytes = new byte[token.Length];
        for (int i = 0; i < token.Length; i++)
        {
            short value = token[i] < Bytes.Length ? Bytes[token[i]] : (short)-1;
            if (value < 0)
            {
                return Encoding.UTF8.GetBytes(token);
            }

            bytes[i] = (byte)value;
        }

        return bytes;
    }

    private static char[] MakeSymbols()
    {
        char[] symbols = new char[256];
        char next = '\u0100';
        for (int value = 0; value < 256; value++)
        {
            bool printable = value is (>= 33 and <= 126) or (>= 161 and <= 172) or >= 174;
            symbols[value] = printable ? (char)value : next++;
        }

        return symbols;
    }

    private static short[] MakeBytes()
    {
        short[] bytes = new short[Symbols.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (int value = 0; value < 256; value++)
        {
            bytes[Symbols[value]] = (short)value;
        }

        return bytes;
    }
}
