namespace Medix.Weights.Gguf;

/// <summary>The types a metadata value can have, with their numbers in the file.</summary>
public enum GgufValueType
{
    /// <summary>Unsigned 8 bits.</summary>
    U8 = 0,

    /// <summary>Signed 8 bits.</summary>
    I8 = 1,

    /// <summary>Unsigned 16 bits.</summary>
    U16 = 2,

    /// <summary>Signed 16 bits.</summary>
    I16 = 3,

    /// <summary>Unsigned 32 bits.</summary>
    U32 = 4,

    /// <summary>Signed 32 bits.</summary>
    I32 = 5,

    /// <summary>Single precision.</summary>
    F32 = 6,

    /// <summary>One byte, 0 or 1.</summary>
    Bool = 7,

    /// <summary>UTF-8 text.</summary>
    Text = 8,

    /// <summary>Values of one type.</summary>
    Array = 9,

    /// <summary>Unsigned 64 bits.</summary>
    U64 = 10,

    /// <summary>Signed 64 bits.</summary>
    I64 = 11,

    /// <summary>Double precision.</summary>
    F64 = 12,
}

/// <summary>
/// One metadata value: <paramref name="Value"/> is a .NET value of the type it is named after, or for an array an array of these;
/// <paramref name="Element"/> is the type of an array's elements and else <paramref name="Type"/> again.
/// </summary>
public sealed record GgufValue(GgufValueType Type, object Value, GgufValueType Element)
{
    /// <summary>A 32-bit unsigned value, the usual type of sizes and ids.</summary>
    public static GgufValue Of(uint value) => new(GgufValueType.U32, value, GgufValueType.U32);

    /// <summary>A 32-bit signed value.</summary>
    public static GgufValue Of(int value) => new(GgufValueType.I32, value, GgufValueType.I32);

    /// <summary>A 16-bit unsigned value.</summary>
    public static GgufValue Of(ushort value) => new(GgufValueType.U16, value, GgufValueType.U16);

    /// <summary>A single-precision value.</summary>
    public static GgufValue Of(float value) => new(GgufValueType.F32, value, GgufValueType.F32);

    /// <summary>A truth value.</summary>
    public static GgufValue Of(bool value) => new(GgufValueType.Bool, value, GgufValueType.Bool);

    /// <summary>A text.</summary>
    public static GgufValue Of(string value) => new(GgufValueType.Text, value, GgufValueType.Text);

    /// <summary>An array of texts.</summary>
    public static GgufValue Of(string[] values) => new(GgufValueType.Array, values, GgufValueType.Text);

    /// <summary>An array of 32-bit signed values.</summary>
    public static GgufValue Of(int[] values) => new(GgufValueType.Array, values, GgufValueType.I32);

    /// <summary>An array of single-precision values.</summary>
    public static GgufValue Of(float[] values) => new(GgufValueType.Array, values, GgufValueType.F32);

    /// <summary>An array of truth values.</summary>
    public static GgufValue Of(bool[] values) => new(GgufValueType.Array, values, GgufValueType.Bool);

    /// <summary>Bytes of one value of a type, 0 for texts and arrays, which have no fixed size.</summary>
    internal static int Width(GgufValueType type) => type switch
    {
        GgufValueType.U8 or GgufValueType.I8 or GgufValueType.Bool => 1,
        GgufValueType.U16 or GgufValueType.I16 => 2,
        GgufValueType.U32 or GgufValueType.I32 or GgufValueType.F32 => 4,
        GgufValueType.U64 or GgufValueType.I64 or GgufValueType.F64 => 8,
        _ => 0,
    };

    /// <summary>The value as it is shown in messages, at most a line.</summary>
    internal string Show()
    {
        string text = Value is Array array ? $"an array of {array.Length} {Element}" : Convert.ToString(Value, System.Globalization.CultureInfo.InvariantCulture) ?? "";
        return text.Length > 80 ? $"{text[..80]}…" : text;
    }
}
