using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Medix.Runs.Recipes;

/// <summary>
/// Turns JSON into immutable option records and collects every error on the way: unknown keys (with the nearest known one),
/// wrong types, numbers out of range and words not allowed. Fields are the records' init properties in camelCase; what a file leaves out keeps its default.
/// </summary>
internal sealed class RecipeBinder
{
    private readonly List<string> errors = [];

    public IReadOnlyList<string> Errors => errors;

    public T Bind<T>(JsonObject json) where T : class => (T)BindRecord(typeof(T), json, "");

    public static string JsonName(PropertyInfo property) => JsonNamingPolicy.CamelCase.ConvertName(property.Name);

    public static IEnumerable<PropertyInfo> Fields(Type record) =>
        record.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.SetMethod is not null);

    private object BindRecord(Type type, JsonObject json, string path)
    {
        object record = Activator.CreateInstance(type)!;
        Dictionary<string, PropertyInfo> fields = Fields(type).ToDictionary(JsonName, StringComparer.Ordinal);
        foreach ((string key, JsonNode? value) in json)
        {
            string where = path.Length == 0 ? key : $"{path}.{key}";
            if (key is "$schema")
            {
                continue;
            }

            if (!fields.TryGetValue(key, out PropertyInfo? field))
            {
                errors.Add($"{where}: unknown key. {NearestName.Suggest(key, fields.Keys)}");
                continue;
            }

            if (TryConvert(field, value, where, out object? converted))
            {
                field.SetValue(record, converted);
            }
        }

        return record;
    }

    private bool TryConvert(PropertyInfo field, JsonNode? value, string where, out object? result)
    {
        result = null;
        Type type = Nullable.GetUnderlyingType(field.PropertyType) ?? field.PropertyType;
        bool nullable = type != field.PropertyType || new NullabilityInfoContext().Create(field).WriteState == NullabilityState.Nullable;
        if (value is null)
        {
            return nullable || Fail(where, "null", Expected(type, field));
        }

        if (type == typeof(string))
        {
            return TryWord(field, value, where, out result);
        }

        if (type == typeof(bool))
        {
            bool ok = value is JsonValue && value.GetValueKind() is JsonValueKind.True or JsonValueKind.False;
            result = ok && value.GetValue<bool>();
            return ok || Fail(where, value.ToJsonString(), "true or false");
        }

        if (type == typeof(int) || type == typeof(long) || type == typeof(ulong) || type == typeof(double))
        {
            return TryNumber(field, type, value, where, out result);
        }

        if (type.IsGenericType && typeof(IEnumerable).IsAssignableFrom(type))
        {
            return TryList(type.GetGenericArguments()[0], value, where, out result);
        }

        if (value is not JsonObject nested)
        {
            return Fail(where, value.ToJsonString(), "an object { … }");
        }

        result = BindRecord(type, nested, where);
        return true;
    }

    private bool TryWord(PropertyInfo field, JsonNode value, string where, out object? result)
    {
        result = null;
        if (value.GetValueKind() != JsonValueKind.String)
        {
            return Fail(where, value.ToJsonString(), Expected(typeof(string), field));
        }

        string text = value.GetValue<string>();
        if (field.GetCustomAttribute<OneOfAttribute>() is { } allowed && !allowed.Words.Contains(text))
        {
            errors.Add($"{where}: \"{text}\" is not one of {string.Join(", ", allowed.Words)}. {NearestName.Suggest(text, allowed.Words)}");
            return false;
        }

        result = text;
        return true;
    }

    private bool TryNumber(PropertyInfo field, Type type, JsonNode value, string where, out object? result)
    {
        result = null;
        string text = value.ToJsonString();
        if (value.GetValueKind() != JsonValueKind.Number
            || !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number))
        {
            return Fail(where, text, Expected(type, field));
        }

        if (field.GetCustomAttribute<BetweenAttribute>() is { } range && !(number >= range.Low && number <= range.High))
        {
            return Fail(where, text, Expected(type, field));
        }

        if (type == typeof(double))
        {
            result = number;
            return true;
        }

        if (number != Math.Floor(number) || !TryInteger(type, text, number, out result))
        {
            return Fail(where, text, Expected(type, field));
        }

        return true;
    }

    private static bool TryInteger(Type type, string text, double number, out object? result)
    {
        result = null;
        if (type == typeof(ulong))
        {
            bool ok = ulong.TryParse(text, CultureInfo.InvariantCulture, out ulong unsigned);
            result = unsigned;
            return ok;
        }

        if (type == typeof(int) && number is < int.MinValue or > int.MaxValue)
        {
            return false;
        }

        result = Convert.ChangeType(number, type, CultureInfo.InvariantCulture);
        return true;
    }

    private bool TryList(Type element, JsonNode value, string where, out object? result)
    {
        result = null;
        if (value is not JsonArray array || element != typeof(string))
        {
            return Fail(where, value.ToJsonString(), "a list of texts [ … ]");
        }

        if (array.FirstOrDefault(x => x?.GetValueKind() != JsonValueKind.String) is { } wrong)
        {
            return Fail(where, wrong.ToJsonString(), "only texts in the list");
        }

        result = array.Select(x => x!.GetValue<string>()).ToList();
        return true;
    }

    private bool Fail(string where, string found, string expected)
    {
        errors.Add($"{where}: found {found}, expected {expected}.");
        return false;
    }

    private static string Expected(Type type, PropertyInfo field)
    {
        string kind = type == typeof(string) ? "a text" : type == typeof(double) ? "a number" : type == typeof(bool) ? "true or false" : "a whole number";
        return field.GetCustomAttribute<BetweenAttribute>() is { } range
            ? string.Create(CultureInfo.InvariantCulture, $"{kind} from {range.Low} to {range.High}")
            : kind;
    }
}
