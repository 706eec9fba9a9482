using System.Text.Json;
using System.Text.Json.Serialization;

namespace Medix.Runs;

/// <summary>An append-only log of JSON lines; each line is flushed when written, so that an interrupted run keeps what happened.</summary>
public sealed class EventLog : IDisposable
{
    private readonly StreamWriter writer;

    /// <summary>Opens the log for appending, or makes it.</summary>
    public EventLog(string path) => writer = new StreamWriter(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read)) { AutoFlush = true };

    /// <summary>How all run files spell JSON: camelCase, NaN and infinities as texts.</summary>
    public static JsonSerializerOptions Lines { get; } = Make(indented: false);

    /// <summary>The same, indented.</summary>
    public static JsonSerializerOptions Indented { get; } = Make(indented: true);

    /// <summary>Appends one event.</summary>
    public void Append<T>(T value) => writer.WriteLine(JsonSerializer.Serialize(value, Lines));

    /// <summary>Reads all events of a log; a last line cut by a crash is left out.</summary>
    public static IReadOnlyList<T> Read<T>(string path)
    {
        var events = new List<T>();
        foreach (string line in File.Exists(path) ? File.ReadAllLines(path) : [])
        {
            try
            {
                events.Add(JsonSerializer.Deserialize<T>(line, Lines)!);
            }
            catch (JsonException)
            {
                break; // only the last line can be cut short; what follows a broken line cannot be trusted
            }
        }

        return events;
    }

    /// <inheritdoc />
    public void Dispose() => writer.Dispose();

    private static JsonSerializerOptions Make(bool indented) => new()
    {
        WriteIndented = indented,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };
}
