using System.Globalization;

namespace Medix.Data;

/// <summary>
/// Maps one row's cells (plain values by column name, as the Parquet and JSON readers give them) to a <see cref="DatasetRow"/>.
/// One mapper per dataset: it remembers the image files it has read.
/// </summary>
internal sealed class RowMapper(ColumnNames columns, string imageFolder, string sourceName)
{
    private readonly ImageCells images = new(imageFolder);

    /// <summary>Whether any row so far had an image column.</summary>
    public bool SawImageColumn { get; private set; }

    /// <summary>The row's name in messages: its place and, where it has one, its id.</summary>
    public string NameOf(IReadOnlyDictionary<string, object?> cells, string place) =>
        Scalar(Find(cells, columns.IdCandidates)?.Value) is { } id ? $"{place} (id {id})" : place;

    /// <summary>The row, or the reason it cannot be used.</summary>
    /// <exception cref="RowFaultException">A field is missing, empty or of a wrong type, or an image cannot be found.</exception>
    public DatasetRow Map(IReadOnlyDictionary<string, object?> cells, string place)
    {
        string name = NameOf(cells, place);
        string problem = Text(cells, columns.ProblemCandidates, textOnly: true);
        string solution = Text(cells, columns.SolutionCandidates, textOnly: false);
        if (string.IsNullOrWhiteSpace(problem))
        {
            throw new RowFaultException(SkipReasons.EmptyQuestion, $"field '{columns.ProblemCandidates[0]}' is empty");
        }

        if (string.IsNullOrWhiteSpace(solution))
        {
            throw new RowFaultException(SkipReasons.EmptyAnswer, $"field '{columns.SolutionCandidates[0]}' is empty");
        }

        Cell? image = columns.IsTextOnly ? null : Find(cells, columns.ImageCandidates);
        SawImageColumn |= image is not null;
        return new DatasetRow(
            Scalar(Find(cells, columns.IdCandidates)?.Value) ?? place,
            images.Read(image?.Value, name),
            problem,
            solution,
            Scalar(Find(cells, columns.SourceCandidates)?.Value) ?? sourceName,
            Optional(cells, "group"),
            Notes(cells));
    }

    private static QuestionNotes? Notes(IReadOnlyDictionary<string, object?> cells)
    {
        QuestionNotes notes = new(Optional(cells, "question_type"), Optional(cells, "answer_type"), Optional(cells, "body_part"));
        return notes == new QuestionNotes() ? null : notes;
    }

    private static string? Optional(IReadOnlyDictionary<string, object?> cells, string name) => Scalar(cells.GetValueOrDefault(name));

    private static string Text(IReadOnlyDictionary<string, object?> cells, IReadOnlyList<string> candidates, bool textOnly)
    {
        Cell? cell = Find(cells, candidates);
        if (cell?.Value is null)
        {
            string has = cell is null ? $"the row has {string.Join(", ", cells.Keys)}" : "it is null";
            throw new RowFaultException(SkipReasons.MissingField, $"field '{string.Join("' or '", candidates)}' is missing: {has}");
        }

        // An answer may be a bare number or truth value; a question is always a text.
        string? text = textOnly ? cell.Value as string : Scalar(cell.Value);
        return text ?? throw new RowFaultException(
            SkipReasons.WrongType, $"field '{cell.Name}' is {Kind(cell.Value)}, expected a text");
    }

    private static Cell? Find(IReadOnlyDictionary<string, object?> cells, IReadOnlyList<string> candidates)
    {
        foreach (string name in candidates)
        {
            if (cells.TryGetValue(name, out object? value))
            {
                return new Cell(name, value);
            }
        }

        return null;
    }

    private static string? Scalar(object? value) => value switch
    {
        string text => text,
        bool flag => flag ? "true" : "false",
        byte[] => null,
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => null,
    };

    private static string Kind(object value) => value switch
    {
        IReadOnlyList<object?> => "a list",
        IReadOnlyDictionary<string, object?> => "an object",
        byte[] => "binary",
        bool => "true or false",
        _ => $"the number {Scalar(value)}",
    };

    private sealed record Cell(string Name, object? Value);
}
