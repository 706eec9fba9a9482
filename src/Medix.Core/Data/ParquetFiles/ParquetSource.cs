using System.Globalization;
using System.Runtime.CompilerServices;
using Medix.Runs;

namespace Medix.Data;

/// <summary>
/// A dataset of Parquet files as Hugging Face datasets publishes them, read in order, one row group in memory at a time.
/// Image paths without bytes are relative to <c>imageFolder</c>.
/// </summary>
public sealed class ParquetSource : ISampleSource
{
    private static readonly string[] NoteColumns = ["group", "question_type", "answer_type", "body_part"];

    private readonly IReadOnlyList<string> files;
    private readonly string imageFolder;
    private readonly ColumnNames columns;

    /// <summary>A source over one file or the shards of one split, in order; <paramref name="imageFolder"/> is the first file's folder unless given.</summary>
    public ParquetSource(IReadOnlyList<string> files, ColumnNames? columns = null, string? imageFolder = null, string? name = null)
    {
        this.files = files.Count > 0 ? [.. files.Select(Path.GetFullPath)] : throw new ArgumentException("At least one file is needed.", nameof(files));
        this.columns = columns ?? ColumnNames.Default;
        this.imageFolder = imageFolder ?? Path.GetDirectoryName(this.files[0])!;
        Name = name ?? Path.GetFileNameWithoutExtension(this.files[0]);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public async IAsyncEnumerable<DatasetRow> ReadAsync(SkipLog skipped, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (string file in files)
        {
            ParquetTable table = await ParquetTable.OpenAsync(file, cancellationToken).ConfigureAwait(false);
            await using (table.ConfigureAwait(false))
            {
                ParquetColumns found = ParquetColumns.Find(table, columns, file);
                RowMapper mapper = new(found.Resolved, imageFolder, Name);
                string[] names = [.. found.Names.Union(NoteColumns.Intersect(table.Columns.Select(column => column.Name)))];
                int number = 0;
                await foreach (IReadOnlyList<object?> values in table.ReadRowsAsync(names, cancellationToken).ConfigureAwait(false))
                {
                    string place = string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileName(file)} row {number++}");
                    if (TryMap(mapper, names, values, place, skipped) is { } row)
                    {
                        yield return row;
                    }
                }
            }
        }
    }

    private static DatasetRow? TryMap(RowMapper mapper, string[] names, IReadOnlyList<object?> values, string place, SkipLog skipped)
    {
        Dictionary<string, object?> cells = new(StringComparer.Ordinal);
        for (int i = 0; i < names.Length; i++)
        {
            cells[names[i]] = values[i];
        }

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

/// <summary>The columns of one file that make a row, found and checked before the first row is read.</summary>
internal sealed record ParquetColumns(ColumnNames Resolved, IReadOnlyList<string> Names)
{
    private const string ImageTypes = "text, binary, struct<bytes, path>, or a list of these";

    /// <summary>Finds the columns by name or alias and checks their types.</summary>
    /// <exception cref="MedixException">A column is missing or of a type that cannot be used.</exception>
    public static ParquetColumns Find(ParquetTable table, ColumnNames wanted, string file)
    {
        ParquetColumn problem = Need(table, wanted.ProblemCandidates, file);
        ParquetColumn solution = Need(table, wanted.SolutionCandidates, file);
        CheckType(problem, problem.Type == "string", "text", file);
        CheckType(solution, IsScalar(solution.Type), "text", file);
        ParquetColumn? id = wanted.Id is null ? Get(table, wanted.IdCandidates) : Need(table, wanted.IdCandidates, file);
        ParquetColumn? source = wanted.Source is null ? Get(table, wanted.SourceCandidates) : Need(table, wanted.SourceCandidates, file);
        ParquetColumn? image = wanted.IsTextOnly ? null : FindImage(table, wanted, file);
        ColumnNames resolved = new(id?.Name, image?.Name ?? ColumnNames.NoImages, problem.Name, solution.Name, source?.Name);
        IEnumerable<ParquetColumn> present = new[] { id, image, problem, solution, source }.OfType<ParquetColumn>();
        return new ParquetColumns(resolved, [.. present.Select(column => column.Name).Distinct()]);
    }

    /// <summary>The image column: by name, else the only one whose type is struct&lt;bytes, path&gt; or a list of it.</summary>
    private static ParquetColumn FindImage(ParquetTable table, ColumnNames wanted, string file)
    {
        ParquetColumn[] structs = [.. table.Columns.Where(column => column.Type.Contains("struct<bytes: binary, path: string>", StringComparison.Ordinal))];
        ParquetColumn? image = Get(table, wanted.ImageCandidates) ?? (wanted.Image is null && structs.Length == 1 ? structs[0] : null);
        if (image is null)
        {
            throw Missing(table, wanted.ImageCandidates, file, $"Name the image column, or name it '{ColumnNames.NoImages}' if the data set has no images.");
        }

        string element = image.Type.StartsWith("list<", StringComparison.Ordinal) ? image.Type[5..^1] : image.Type;
        bool isStruct = element.StartsWith("struct<", StringComparison.Ordinal)
            && (element.Contains("bytes: binary", StringComparison.Ordinal) || element.Contains("path: string", StringComparison.Ordinal));
        CheckType(image, element is "string" or "binary" || isStruct, ImageTypes, file);
        return image;
    }

    private static bool IsScalar(string type) => type != "binary" && !type.Contains('<', StringComparison.Ordinal);

    private static ParquetColumn? Get(ParquetTable table, IReadOnlyList<string> candidates) =>
        candidates.Select(name => table.Columns.FirstOrDefault(column => column.Name == name)).FirstOrDefault(column => column is not null);

    private static ParquetColumn Need(ParquetTable table, IReadOnlyList<string> candidates, string file) =>
        Get(table, candidates) ?? throw Missing(table, candidates, file, "Rename the column, or name the one that holds it.");

    private static MedixException Missing(ParquetTable table, IReadOnlyList<string> candidates, string file, string remedy) => new(
        $"'{file}' has no column '{string.Join("' or '", candidates)}'; its columns are "
        + $"{string.Join(", ", table.Columns.Select(column => $"{column.Name} ({column.Type})"))}. {remedy}");

    private static void CheckType(ParquetColumn column, bool good, string expected, string file)
    {
        if (!good)
        {
            throw new MedixException(
                $"Column '{column.Name}' of '{file}' is {column.Type}, expected {expected}. Write it in that type, or name another column.");
        }
    }
}
