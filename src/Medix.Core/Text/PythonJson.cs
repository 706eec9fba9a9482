using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Medix.Text;

/// <summary>JSON as Python's <c>json.dumps(value, ensure_ascii=False)</c> spells it, which is what models have seen in their chat templates.</summary>
internal static class PythonJson
{
    /// <summary>The value's text.</summary>
    public static string Write(JsonElement value)
    {
        StringBuilder text = new();
        Append(value, text);
        return text.ToString();
    }

    private static void Append(JsonElement value, StringBuilder text)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                AppendAll(value.EnumerateObject(), '{', '}', text, static (property, target) =>
                {
                    AppendString(property.Name, target);
                    target.Append(": ");
                    Append(property.Value, target);
                });
                break;
            case JsonValueKind.Array:
                AppendAll(value.EnumerateArray(), '[', ']', text, Append);
                break;
            case JsonValueKind.String:
                AppendString(value.GetString()!, text);
                break;
            case JsonValueKind.Number:
                text.Append(Number(value.GetRawText()));
                break;
            default:
                text.Append(value.GetRawText());
                break;
        }
    }

    private static void AppendAll<T>(IEnumerable<T> items, char open, char close, StringBuilder text, Action<T, StringBuilder> append)
    {
        text.Append(open);
        bool first = true;
        foreach (T item in items)
        {
            text.Append(first ? "" : ", ");
            append(item, text);
            first = false;
        }

        text.Append(close);
    }

    private static void AppendString(string value, StringBuilder text)
    {
        text.Append('"');
        foreach (char c in value)
        {
            _ = c switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                '\b' => text.Append("\\b"),
                '\f' => text.Append("\\f"),
                < ' ' => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => text.Append(c),
            };
        }

        text.Append('"');
    }

    // Python reads a number with a point or an exponent as a float, any other as an integer of any size.
    private static string Number(string raw) => raw.AsSpan().IndexOfAny('.', 'e', 'E') >= 0
        ? Float(double.Parse(raw, CultureInfo.InvariantCulture))
        : raw == "-0" ? "0" : raw;

    // repr(float): the shortest digits that read back, with an exponent below 1e-4 and from 1e16.
    private static string Float(double value)
    {
        if (!double.IsFinite(value))
        {
            return value > 0 ? "Infinity" : "-Infinity";
        }

        string[] parts = Math.Abs(value).ToString("R", CultureInfo.InvariantCulture).Split('E');
        string[] mantissa = parts[0].Split('.');
        string digits = string.Concat(mantissa).TrimStart('0');
        int zeros = string.Concat(mantissa).Length - digits.Length;
        int shift = parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 0;
        int exponent = value == 0 ? 0 : mantissa[0].Length + shift - zeros - 1;
        return (double.IsNegative(value) ? "-" : "") + Place(digits.TrimEnd('0').PadRight(1, '0'), exponent);
    }

    // Digits d.ddd times ten to the exponent.
    private static string Place(string digits, int exponent) => exponent switch
    {
        < -4 or >= 16 => $"{digits[0]}{(digits.Length > 1 ? "." : "")}{digits[1..]}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}",
        < 0 => "0." + digits.PadLeft(digits.Length - exponent - 1, '0'),
        _ when digits.Length <= exponent + 1 => digits.PadRight(exponent + 1, '0') + ".0",
        _ => digits[..(exponent + 1)] + "." + digits[(exponent + 1)..],
    };
}
