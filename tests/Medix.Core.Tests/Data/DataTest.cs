using Medix.Data;

namespace Medix.Core.Tests.Data;

/// <summary>Small helpers of the data tests: a folder per test, a tiny real PNG, reading a source to its end.</summary>
public abstract class DataTest : IDisposable
{
    /// <summary>A PNG of one red pixel.</summary>
    protected static readonly byte[] Png = Convert.FromBase64String(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==");

    /// <summary>Removed with everything in it after the test.</summary>
    protected string Folder { get; } = Directory.CreateTempSubdirectory("medix-data-").FullName;

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    protected static async Task<(List<DatasetRow> Rows, SkippedRows Skipped)> ReadAsync(ISampleSource source)
    {
        SkipLog log = new();
        List<DatasetRow> rows = [];
        await foreach (DatasetRow row in source.ReadAsync(log, Token))
        {
            rows.Add(row);
        }

        return (rows, log.ToSkippedRows());
    }

    protected string Write(string name, string text)
    {
        string path = Path.Combine(Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    protected string Write(string name, byte[] bytes)
    {
        string path = Path.Combine(Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    protected static Sample MakeSample(string id, string key, params byte[][] images) => new(
        id,
        [.. images.Select((bytes, i) => new ImageSource($"{id}-{i}", bytes))],
        [Medix.Text.PromptMessage.FromText("user", "q")],
        "q",
        "a",
        null,
        "test",
        key);
}
