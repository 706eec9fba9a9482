namespace Medix.Data;

/// <summary>
/// Reads a dataset row by row. A row that cannot be used goes to the <see cref="SkipLog"/> with its reason; a dataset that cannot be
/// read at all is a <see cref="Runs.MedixException"/>. Reading twice gives the same rows in the same order.
/// </summary>
public interface ISampleSource
{
    /// <summary>The dataset's short name, for messages and for rows that name no source.</summary>
    string Name { get; }

    /// <summary>The usable rows in the dataset's own order; the others are added to <paramref name="skipped"/> as they are met.</summary>
    IAsyncEnumerable<DatasetRow> ReadAsync(SkipLog skipped, CancellationToken cancellationToken);
}
