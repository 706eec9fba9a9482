using System.Globalization;

namespace Medix.Judging;

/// <summary>Numbers in words and digits, and units brought to one scale per dimension, so that 5.6 cm equals 56 mm and never 5.6 mm.</summary>
internal static class Quantities
{
    private static readonly Dictionary<string, int> Cardinals = Numbered(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty");

    private static readonly Dictionary<string, int> Tens = new(StringComparer.Ordinal)
    {
        ["twenty"] = 20, ["thirty"] = 30, ["forty"] = 40, ["fifty"] = 50, ["sixty"] = 60, ["seventy"] = 70, ["eighty"] = 80, ["ninety"] = 90,
    };

    private static readonly Dictionary<string, int> Ordinals = Numbered(
        "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth");

    private static readonly Dictionary<string, int> Romans = Numbered("- i ii iii iv v vi vii viii ix x xi xii");

    private static readonly HashSet<string> BeforeRoman = new(StringComparer.Ordinal)
    {
        "stage", "grade", "type", "class", "level", "group", "category", "cn", "nerve", "zone", "segment",
    };

    /// <summary>Each unit's dimension and its size in the dimension's base unit.</summary>
    private static readonly Dictionary<string, (string Dimension, double Size)> Units = BuildUnits();

    /// <summary>The value of a number word at <paramref name="at"/> and how many lexemes it takes; 0 when there is none.</summary>
    public static int ReadCardinal(List<Lexeme> lexemes, int at, out double value)
    {
        Lexeme first = lexemes[at];
        value = first.Value;
        if (first.Kind == LexemeKind.Number)
        {
            return 1;
        }

        if (first.Kind != LexemeKind.Word)
        {
            return 0;
        }

        if (Tens.TryGetValue(first.Text, out int tens))
        {
            bool more = at + 1 < lexemes.Count && Cardinals.TryGetValue(lexemes[at + 1].Text, out int unit) && unit is > 0 and < 10;
            value = tens + (more ? Cardinals[lexemes[at + 1].Text] : 0);
            return more ? 2 : 1;
        }

        if (Cardinals.TryGetValue(first.Text, out int small))
        {
            value = small;
            return 1;
        }

        if (at > 0 && Romans.TryGetValue(first.Text, out int roman) && BeforeRoman.Contains(lexemes[at - 1].Text))
        {
            value = roman;
            return 1;
        }

        return 0;
    }

    /// <summary>The rank of an ordinal (<c>4th</c>, <c>fourth</c>), or null.</summary>
    public static int? ReadOrdinal(Lexeme lexeme) => lexeme.Kind switch
    {
        LexemeKind.Ordinal => lexeme.Value is >= 0 and < int.MaxValue ? (int)lexeme.Value : null,
        LexemeKind.Word when Ordinals.TryGetValue(lexeme.Text, out int rank) => rank,
        _ => null,
    };

    /// <summary>The unit at <paramref name="at"/>, compound ones as well (<c>mg/dl</c>), and how many lexemes it takes; 0 when there is none.</summary>
    public static int ReadUnit(List<Lexeme> lexemes, int at, out string dimension, out double size)
    {
        dimension = "";
        size = 1;
        if (at >= lexemes.Count || !TryUnit(lexemes[at], out (string Dimension, double Size) unit))
        {
            return 0;
        }

        (dimension, size) = unit;
        bool per = at + 2 < lexemes.Count && (lexemes[at + 1].Text is "/" or "per") && TryUnit(lexemes[at + 2], out unit);
        if (per)
        {
            dimension += "/" + unit.Dimension;
            size /= unit.Size;
        }

        return per ? 3 : 1;
    }

    /// <summary>A quantity as one word: <c>#0.056 m</c>; without unit <c>#2</c>. Twelve significant digits take up what rounding left.</summary>
    public static string Format(double value, string dimension) =>
        "#" + value.ToString("G12", CultureInfo.InvariantCulture) + (dimension.Length > 0 ? " " + dimension : "");

    private static bool TryUnit(Lexeme lexeme, out (string Dimension, double Size) unit)
    {
        unit = default;
        return lexeme.Kind is LexemeKind.Word or LexemeKind.Sign && Units.TryGetValue(lexeme.Text, out unit);
    }

    private static Dictionary<string, int> Numbered(string words) =>
        words.Split(' ').Select((word, i) => (word, i)).ToDictionary(pair => pair.word, pair => pair.i, StringComparer.Ordinal);

    private static Dictionary<string, (string, double)> BuildUnits()
    {
        Dictionary<string, (string, double)> units = new(StringComparer.Ordinal);
        void Add(string dimension, double size, string names)
        {
            foreach (string name in names.Split(' '))
            {
                units.Add(name, (dimension, size));
            }
        }

        Add("mm", 1e-6, "nm nanometer nanometers nanometre nanometres");
        Add("mm", 1e-3, "um micron microns micrometer micrometers micrometre micrometres");
        Add("mm", 1, "mm millimeter millimeters millimetre millimetres");
        Add("mm", 10, "cm cms centimeter centimeters centimetre centimetres");
        Add("mm", 1000, "m meter meters metre metres");
        Add("mm", 25.4, "inch inches");
        Add("mg", 1e-6, "ng nanogram nanograms");
        Add("mg", 1e-3, "ug mcg microgram micrograms");
        Add("mg", 1, "mg milligram milligrams");
        Add("mg", 1e3, "g gram grams gm");
        Add("mg", 1e6, "kg kilogram kilograms");
        Add("ml", 1e-3, "ul microliter microliters microlitre microlitres");
        Add("ml", 1, "ml cc milliliter milliliters millilitre millilitres");
        Add("ml", 100, "dl deciliter deciliters decilitre decilitres");
        Add("ml", 1000, "l liter liters litre litres");
        Add("s", 1e-3, "ms millisecond milliseconds msec");
        Add("s", 1, "s sec secs seconds");
        Add("s", 60, "min mins minute minutes");
        Add("s", 3600, "h hr hrs hour hours");
        Add("s", 86400, "day days");
        Add("s", 604800, "week weeks wk wks");
        Add("month", 1, "month months");
        Add("month", 12, "year years yr yrs");
        Add("mmol", 1e-3, "umol micromol");
        Add("mmol", 1, "mmol millimol");
        Add("mmol", 1e3, "mol");
        Add("%", 1, "% percent pct");
        Add("mmhg", 1, "mmhg");
        Add("hu", 1, "hu");
        Add("°", 1, "° degree degrees deg");
        Add("bpm", 1, "bpm");
        Add("gy", 1, "gy gray");
        Add("gy", 0.01, "cgy");
        Add("iu", 1, "iu units unit");
        return units;
    }
}
