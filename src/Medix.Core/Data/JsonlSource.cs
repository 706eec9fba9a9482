using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Medix.Runs;

namespace Medix.Data;

/// <summary>
/// JSON lines with an image folder: one object a line, its image a path (or base64 text, a data URL, an object of bytes and path) or a list of these,
/// relative to the file's folder. A datasets <c>imagefolder</c> is its <c>metadata.jsonl</c> (image column <c>file_name</c>).
/// </summary>
public sealed class JsonlSource : ISampleSource
{
    private readonly string path;
    private readonly string imageFolder;
    private readonly ColumnNames columns;

    /// <summary>A source over one file; <paramref name="imageFolder"/> is the file's own folder unless given.</summary>
    public JsonlSource(string path, ColumnNames? columns = null, string? imageFolder = null, string? name = null)
    {
        this.path = Path.GetFullPath(path);
        this.columns = columns ?? ColumnNames.Default;
        this.imageFolder = imageFolder ?? Path.GetDirectoryName(this.path)!;
        Name = name ?? Path.GetFileNameWithoutExtension(path);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public async IAsyncEnumerable<DatasetRow> ReadAsync(SkipLog skipped, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using StreamReader reader = Open();
        RowMapper mapper = new(columns, imageFolder, Name);
        int objects = 0, lines = 0;
        for (int line = 1; await reader.ReadLineAsync(cancellationToken).ConfigureAwait(false) is { } text; line++)
        {
            if (string.IsNullOrWhiteSpace(text))
            {
                continue;
            }

            lines++;
            string place = string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileName(path)} line {line}");
            if (Parse(text, place, skipped) is { } cells)
            {
                objects++;
                if (TryMap(mapper, cells, place, skipped) is { } row)
                {
                    yield return row;
                }
            }
        }

        CheckWhole(mapper, objects, lines);
    }

    private StreamReader Open() => File.Exists(path)
        ? new StreamReader(path)
        : throw new MedixException($"There is no file '{path}'. Check the path of the data set.");

    private void CheckWhole(RowMapper mapper, int objects, int lines)
    {
        if (objects == 0 && lines > 0)
        {
            throw new MedixException(
                $"'{path}' is not JSON lines: none of its {lines} lines is a JSON object. Expected one object a line with "
                + $"{columns.ProblemCandidates[0]}, {columns.SolutionCandidates[0]} and {columns.ImageCandidates[0]}. "
                + "Convert it, or give the path of another file.");
        }

        // Else a misspelt image column would train on text alone, in silence.
        if (objects > 0 && !mapper.SawImageColumn && !columns.IsTextOnly)
        {
            throw new MedixException(
                $"No row of '{path}' has a field '{string.Join("' or '", columns.ImageCandidates)}'. Name the image column, "
                + $"or name it '{ColumnNames.NoImages}' if the data set has no images.");
        }
    }

    private static Dictionary<string, object?>? Parse(string text, string place, SkipLog skipped)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                return JsonCells.Fields(document.RootElement);
            }

            skipped.Add(SkipReasons.NotJson, place, $"the line is a JSON {document.RootElement.ValueKind}, expected an object");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string with half a surrogate pair parses, but has no text.
            skipped.Add(SkipReasons.NotJson, place, error.Message);
        }

        return null;
    }

    private static DatasetRow? TryMap(RowMapper mapper, Dictionary<string, object?> cells, string place, SkipLog skipped)
    {
        try
        {
            return mapper.Map(cells, place);
        }
        catch (RowFaultException fault)
        {
            skipped.Add(mapper.NameOf(cells, place), fault);
            return null;
        }
    }
}
