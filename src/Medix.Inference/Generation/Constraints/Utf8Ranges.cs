using System.Text;

namespace Medix.Inference.Generation.Constraints;

/// <summary>Bytes from <paramref name="First"/> to <paramref name="Last"/>.</summary>
internal readonly record struct ByteRange(byte First, byte Last);

/// <summary>
/// Sequences of byte ranges that together spell the UTF-8 of a range of code points (the division used by RE2 and lex: ranges are cut where the number of bytes
/// changes and where a trailing byte does not run from 80 to BF).
/// </summary>
internal static class Utf8Ranges
{
    private static readonly int[] LastOfLength = [0x7F, 0x7FF, 0xFFFF];

    public static IEnumerable<ByteRange[]> Of(CodePointRange range)
    {
        foreach (int last in LastOfLength)
        {
            if (range.First <= last && last < range.Last)
            {
                return Of(range with { Last = last }).Concat(Of(range with { First = last + 1 }));
            }
        }

        if (range.First > 0x7F)
        {
            for (int trailing = 1; trailing < new Rune(range.First).Utf8SequenceLength; trailing++)
            {
                int mask = (1 << (6 * trailing)) - 1;
                if ((range.First & ~mask) == (range.Last & ~mask))
                {
                    continue;
                }

                if ((range.First & mask) != 0)
                {
                    return Of(range with { Last = range.First | mask }).Concat(Of(range with { First = (range.First | mask) + 1 }));
                }

                if ((range.Last & mask) != mask)
                {
                    return Of(range with { Last = (range.Last & ~mask) - 1 }).Concat(Of(range with { First = range.Last & ~mask }));
                }
            }
        }

        return [[.. Encode(range.First).Zip(Encode(range.Last), (first, last) => new ByteRange(first, last))]];
    }

    private static byte[] Encode(int codePoint) => Encoding.UTF8.GetBytes(new Rune(codePoint).ToString());
}
