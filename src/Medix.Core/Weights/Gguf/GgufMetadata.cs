using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Medix.Runs;

namespace Medix.Weights.Gguf;

/// <summary>A GGUF file's metadata in the file's order, with typed access. Every error names the file, the key, its value and what was expected.</summary>
public sealed class GgufMetadata
{
    private readonly Dictionary<string, GgufValue> _values = new(StringComparer.Ordinal);
    private readonly List<string> _order = [];

    internal GgufMetadata(string file) => File = file;

    /// <summary>The file, as errors name it.</summary>
    public string File { get; }

    /// <summary>The keys in the file's order.</summary>
    public IReadOnlyList<string> Keys => _order;

    /// <summary>The value of a key that is there.</summary>
    public GgufValue this[string key] => _values.TryGetValue(key, out GgufValue? value) ? value : throw Missing(key);

    /// <summary>Whether the key is there.</summary>
    public bool Has(string key) => _values.ContainsKey(key);

    /// <summary>The value, or false.</summary>
    public bool TryGet(string key, [NotNullWhen(true)] out GgufValue? value) => _values.TryGetValue(key, out value);

    /// <summary>A text.</summary>
    public string Text(string key) => this[key].Value as string ?? throw Wrong(key, "a text");

    /// <summary>An integer of any width between <paramref name="least"/> and <paramref name="most"/>.</summary>
    public int Number(string key, int least = 1, int most = int.MaxValue)
    {
        GgufValue value = this[key];
        Int128? number = value.Value switch
        {
            byte n => n,
            sbyte n => n,
            ushort n => n,
            short n => n,
            uint n => n,
            int n => n,
            ulong n => n,
            long n => n,
            _ => null,
        };
        return number is { } found && found >= least && found <= most
            ? (int)found
            : throw Wrong(key, most == int.MaxValue ? $"an integer of at least {least}" : $"an integer from {least} to {most}");
    }

    /// <summary>
    /// A finite number above 0. A single-precision value is given as the double with the same shortest decimal form: 1e-6 in the file is 1e-6 here.
    /// </summary>
    public double Positive(string key)
    {
        double number = this[key].Value switch
        {
            float n => double.Parse(n.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture),
            double n => n,
            _ => double.NaN,
        };
        return double.IsFinite(number) && number > 0 ? number : throw Wrong(key, "a number above 0");
    }

    /// <summary>A truth value, or <paramref name="absent"/> where the key is missing.</summary>
    public bool Flag(string key, bool absent) => !Has(key) ? absent : this[key].Value as bool? ?? throw Wrong(key, "true or false");

    /// <summary>An array of texts.</summary>
    public string[] Texts(string key) => this[key].Value as string[] ?? throw Wrong(key, "an array of texts");

    /// <summary>An array of 32-bit integers.</summary>
    public int[] Ints(string key) => this[key].Value switch
    {
        int[] values => values,
        uint[] values when values.All(value => value <= int.MaxValue) => Array.ConvertAll(values, value => (int)value),
        _ => throw Wrong(key, "an array of 32-bit integers"),
    };

    /// <summary>An array of single-precision numbers.</summary>
    public float[] Floats(string key) => this[key].Value as float[] ?? throw Wrong(key, "an array of single-precision numbers");

    /// <summary>An array of truth values.</summary>
    public bool[] Flags(string key) => this[key].Value as bool[] ?? throw Wrong(key, "an array of truth values");

    internal bool TryAdd(string key, GgufValue value)
    {
        if (!_values.TryAdd(key, value))
        {
            return false;
        }

        _order.Add(key);
        return true;
    }

    internal MedixException Wrong(string key, string expected) =>
        new($"{File}: the metadata key '{key}' is {this[key].Show()} ({this[key].Type}), expected {expected}. Fetch or convert the file again.");

    private MedixException Missing(string key) => new($"{File}: the metadata key '{key}' is missing, which a model of this kind has. Fetch or convert the file again.");
}
