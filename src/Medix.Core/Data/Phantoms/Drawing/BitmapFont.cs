namespace Medix.Data.Phantoms;

/// <summary>A five by seven font of capitals, digits and a few marks: side markers and the captions of contact sheets need no system font.</summary>
internal static class BitmapFont
{
    /// <summary>Columns of a letter.</summary>
    public const int Width = 5;

    /// <summary>Rows of a letter.</summary>
    public const int Height = 7;

    private const string Order = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789?.,-/:_";

    // One letter per entry, seven rows of five bits from the top, as two hexadecimal digits each.
    private static readonly string[] Rows =
    [
        "0E11111F111111", "1E11111E11111E", "0E11101010110E", "1E11111111111E", "1F10101E10101F", "1F10101E101010", "0E11101711110F",
        "1111111F111111", "0E04040404040E", "0702020202120C", "11121418141211", "1010101010101F", "111B1515111111", "11191915131311",
        "0E11111111110E", "1E11111E101010", "0E11111115120D", "1E11111E141211", "0F10100E01011E", "1F040404040404", "1111111111110E",
        "11111111110A04", "1111111515150A", "11110A040A1111", "11110A04040404", "1F01020408101F",
        "0E11131519110E", "040C040404040E", "0E11010204081F", "1F02040201110E", "02060A121F0202", "1F101E0101110E", "0608101E11110E",
        "1F010204080808", "0E11110E11110E", "0E11110F01020C",
        "0E110102040004", "0000000000000C", "00000000000408", "0000001F000000", "00010204081000", "000C0C000C0C00", "0000000000001F",
    ];

    /// <summary>Whether a dot of the letter is set; unknown letters are blank.</summary>
    public static bool IsSet(char letter, int column, int row)
    {
        int index = Order.IndexOf(char.ToUpperInvariant(letter));
        return index >= 0 && ((Bits(Rows[index], row) >> (Width - 1 - column)) & 1) == 1;
    }

    private static int Bits(string rows, int row) => (Digit(rows[2 * row]) << 4) | Digit(rows[(2 * row) + 1]);

    private static int Digit(char c) => c <= '9' ? c - '0' : c - 'A' + 10;
}
