using System.Text;

namespace Medix.Data;

/// <summary>Why a row was not used. The words appear in reports; tests and users may rely on them.</summary>
public static class SkipReasons
{
    /// <summary>A field the row needs is not there or null.</summary>
    public const string MissingField = "missing field";

    /// <summary>A field holds a value of another type than the schema's.</summary>
    public const string WrongType = "wrong type";

    /// <summary>A line that is not one JSON object.</summary>
    public const string NotJson = "not JSON";

    /// <summary>The question is empty or white space.</summary>
    public const string EmptyQuestion = "empty question";

    /// <summary>The answer (after its tag) is empty or white space.</summary>
    public const string EmptyAnswer = "empty answer";

    /// <summary>The solution starts with a tag that is not one of <see cref="Modalities.All"/>.</summary>
    public const string UnknownTag = "unknown tag";

    /// <summary>An image the row names is not there, or has no bytes.</summary>
    public const string MissingImage = "missing image";

    /// <summary>An image's path leaves the dataset's folder.</summary>
    public const string ImageOutsideFolder = "image outside folder";

    /// <summary>An image does not decode, or is larger than the limits.</summary>
    public const string DamagedImage = "damaged image";

    /// <summary>The problem holds <c>&lt;image&gt;</c> markers, but another number of them than the row has images.</summary>
    public const string ImageMarkers = "image markers do not match";

    /// <summary>The prompt with its image tokens is longer than the budget.</summary>
    public const string TooManyTokens = "too many tokens";
}

/// <summary>
/// One row that was not used. <paramref name="Row"/> is where it stands and its id (<c>train.jsonl line 5 (id 17)</c>);
/// <paramref name="Detail"/> names the field and value.
/// </summary>
public sealed record SkippedRow(string Reason, string Row, string Detail);

/// <summary>All rows of a dataset that were not used, in the order they were met.</summary>
public sealed record SkippedRows(IReadOnlyList<SkippedRow> Rows)
{
    /// <summary>No row was skipped.</summary>
    public static SkippedRows None { get; } = new([]);

    /// <summary>Number of skipped rows by reason (one of <see cref="SkipReasons"/>), most frequent first.</summary>
    public IReadOnlyList<SkipCount> ByReason { get; } =
    [
        .. Rows.GroupBy(row => row.Reason, StringComparer.Ordinal)
            .Select(group => new SkipCount(group.Key, group.Count()))
            .OrderByDescending(count => count.Rows)
            .ThenBy(count => count.Reason, StringComparer.Ordinal),
    ];

    /// <summary>These and then <paramref name="others"/>.</summary>
    public SkippedRows With(IEnumerable<SkippedRow> others) => new([.. Rows, .. others]);

    /// <summary>A paragraph for people: counts by reason, then at most <paramref name="examples"/> rows of each.</summary>
    public string Describe(int examples = 3)
    {
        StringBuilder text = new();
        foreach (SkipCount count in ByReason)
        {
            string shown = string.Join("; ", Rows.Where(row => row.Reason == count.Reason).Take(examples).Select(row => $"{row.Row}: {row.Detail}"));
            text.Append(text.Length == 0 ? "" : "\n").Append($"{count.Reason}: {count.Rows} ({shown}{(count.Rows > examples ? "; …" : "")})");
        }

        return text.ToString();
    }
}

/// <summary>How many rows one reason took.</summary>
public sealed record SkipCount(string Reason, int Rows);

/// <summary>Collects skipped rows while a dataset is read. Not for several threads.</summary>
public sealed class SkipLog
{
    private readonly List<SkippedRow> rows = [];

    /// <summary>Number of rows so far.</summary>
    public int Count => rows.Count;

    /// <summary>Adds one row.</summary>
    public void Add(string reason, string row, string detail) => rows.Add(new SkippedRow(reason, row, detail));

    /// <summary>What was collected so far.</summary>
    public SkippedRows ToSkippedRows() => new([.. rows]);

    internal void Add(string row, RowFaultException fault) => Add(fault.Reason, row, fault.Message);
}

/// <summary>A row cannot be used. Never leaves Medix.Data: the reader turns it into a <see cref="SkippedRow"/>.</summary>
internal sealed class RowFaultException(string reason, string detail) : Exception(detail)
{
    public string Reason { get; } = reason;
}
