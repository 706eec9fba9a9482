using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Medix.Testing;

namespace Medix.Training.Tests.Losses;

/// <summary>One topic of goldens/rl: its cases and arrays, everything read from the files.</summary>
public sealed class RlGolden
{
    private readonly string topic;
    private readonly byte[] arrays = [];
    private readonly Dictionary<string, JsonElement> header = [];
    private readonly int start;

    private RlGolden(string topic)
    {
        this.topic = topic;
        string folder = SharedFiles.Require("goldens", "rl");
        JsonElement root = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, topic + ".json"))).RootElement;
        Meta = root.GetProperty("meta");
        Cases = [.. root.GetProperty("cases").EnumerateArray()];
        string path = Path.Combine(folder, topic + ".safetensors");
        if (File.Exists(path))
        {
            arrays = File.ReadAllBytes(path);
            int length = (int)BinaryPrimitives.ReadInt64LittleEndian(arrays);
            start = 8 + length;
            header = JsonDocument.Parse(arrays.AsMemory(8, length)).RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value);
        }
    }

    public JsonElement Meta { get; }

    public IReadOnlyList<JsonElement> Cases { get; }

    /// <summary>Runs every case that the table of skips does not name; a failure names its case; running none is a failure.</summary>
    public static void Run(string topic, Action<RlGolden, JsonElement> check)
    {
        RlGolden golden = new(topic);
        StringBuilder failures = new();
        int ran = 0;
        foreach (JsonElement c in golden.Cases.Where(c => Text(c, "kind") is not ("inputs" or "batch")))
        {
            if (RlSkips.ReasonFor(topic, c) is not null)
            {
                continue;
            }

            ran++;
            try
            {
                check(golden, c);
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                failures.AppendLine(CultureInfo.InvariantCulture, $"{Text(c, "name")}: {error.GetType().Name} {error.Message}");
            }
        }

        int all = golden.Cases.Count(c => Text(c, "kind") is not ("inputs" or "batch"));
        TestContext.Current.TestOutputHelper?.WriteLine($"{topic}: {ran} of {all} cases run, {all - ran} skipped by name.");
        Assert.True(failures.Length == 0, $"{topic}: {failures}");
        Assert.True(ran > 0, $"{topic}: no case was run.");
    }

    public static string? Text(JsonElement e, string property) =>
        e.TryGetProperty(property, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    public static double Number(JsonElement e) => e.ValueKind != JsonValueKind.String ? e.GetDouble() : e.GetString() switch
    {
        "NaN" => double.NaN,
        "Infinity" => double.PositiveInfinity,
        "-Infinity" => double.NegativeInfinity,
        string other => throw new InvalidDataException($"'{other}' is no number."),
        null => throw new InvalidDataException("null is no number."),
    };

    public static double? OptionalNumber(JsonElement e, string property) =>
        e.TryGetProperty(property, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? Number(value) : null;

    /// <summary>The tolerance of the topic's README for a double implementation.</summary>
    public static void Close(double expected, double actual, string what, double relative = 1e-9, double absolute = 1e-12)
    {
        bool same = expected.Equals(actual) || Math.Abs(expected - actual) <= absolute + (relative * Math.Abs(expected));
        Assert.True(same, string.Create(CultureInfo.InvariantCulture, $"{what}: expected {expected}, got {actual}"));
    }

    public static void Close(double[] expected, double[] actual, string what, double relative = 1e-9, double absolute = 1e-12)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            Close(expected[i], actual[i], $"{what}[{i}]", relative, absolute);
        }
    }

    public JsonElement Case(string name) => Cases.First(c => Text(c, "name") == name);

    public int[] Shape(string key) => [.. header[key].GetProperty("shape").EnumerateArray().Select(d => d.GetInt32())];

    public double[] Tensor(string key)
    {
        JsonElement entry = header[key];
        int[] offsets = [.. entry.GetProperty("data_offsets").EnumerateArray().Select(o => o.GetInt32())];
        ReadOnlySpan<byte> bytes = arrays.AsSpan(start + offsets[0], offsets[1] - offsets[0]);
        return entry.GetProperty("dtype").GetString() switch
        {
            "F64" => MemoryMarshal.Cast<byte, double>(bytes).ToArray(),
            "F32" => Array.ConvertAll(MemoryMarshal.Cast<byte, float>(bytes).ToArray(), x => (double)x),
            "I64" => Array.ConvertAll(MemoryMarshal.Cast<byte, long>(bytes).ToArray(), x => (double)x),
            "U8" => Array.ConvertAll(bytes.ToArray(), x => (double)x),
            string other => throw new InvalidDataException($"{topic}: {key} has the unexpected type {other}."),
            null => throw new InvalidDataException($"{topic}: {key} has no type."),
        };
    }

    public double[] Input(JsonElement inputs, string name) => Tensor(inputs.GetProperty("tensors").GetProperty(name).GetString()!);

    public bool[] Mask(JsonElement inputs) => Array.ConvertAll(Input(inputs, "mask"), m => m != 0);

    /// <summary>The case's <c>correct</c> where it has one, else the original in double; null where neither exists.</summary>
    public Expectation? Expected(JsonElement c)
    {
        if (c.TryGetProperty("correct", out JsonElement correct))
        {
            return new Expectation(this, correct, correct, "", IsCorrect: true);
        }

        JsonElement original = c.GetProperty("original");
        return Text(original, "status") != "ok"
            ? null
            : new Expectation(this, original.GetProperty("numbers").GetProperty("f64"), original.GetProperty("tensors"), ".f64", IsCorrect: false);
    }
}

/// <summary>Where a case's expected numbers and arrays are.</summary>
public sealed record Expectation(RlGolden Golden, JsonElement Numbers, JsonElement Tensors, string Suffix, bool IsCorrect)
{
    public double Number(string name) => RlGolden.Number(Numbers.GetProperty(name));

    public double[] Tensor(string name) => Golden.Tensor(Tensors.GetProperty(name + Suffix).GetString()!);

    public IEnumerable<KeyValuePair<string, double>> Metrics(string name = "metrics") => Numbers.TryGetProperty(name, out JsonElement metrics)
        ? metrics.EnumerateObject().Select(m => KeyValuePair.Create(m.Name, RlGolden.Number(m.Value)))
        : [];
}
