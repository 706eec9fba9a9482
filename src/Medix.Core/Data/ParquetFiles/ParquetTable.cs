using System.Runtime.CompilerServices;
using Medix.Runs;
using Parquet;
using Parquet.Meta;
using Parquet.Schema;

namespace Medix.Data;

/// <summary>
/// One Parquet file read row group by row group, any nesting, as plain values. The container, every page's size and every page checksum
/// are verified before the data is decoded. Not for several threads.
/// </summary>
public sealed class ParquetTable : IAsyncDisposable
{
    private readonly string path;
    private readonly Stream file;
    private readonly FooterRange footer;
    private readonly ParquetReader reader;

    private ParquetTable(string path, Stream file, FooterRange footer, ParquetReader reader)
    {
        this.path = path;
        this.file = file;
        this.footer = footer;
        this.reader = reader;
        Columns = [.. reader.Schema.Fields.Select(field => new ParquetColumn(field.Name, ParquetTypes.Describe(field)))];
        RowCount = reader.Metadata?.RowGroups.Sum(group => group.NumRows) ?? 0;
    }

    /// <summary>The top-level columns in the file's order.</summary>
    public IReadOnlyList<ParquetColumn> Columns { get; }

    /// <summary>Number of rows the footer states.</summary>
    public long RowCount { get; }

    /// <summary>The file's key-value metadata; <c>huggingface</c> holds the features of files written by datasets.</summary>
    public IReadOnlyDictionary<string, string> Metadata => reader.CustomMetadata;

    /// <summary>Opens a file and reads its footer.</summary>
    /// <exception cref="MedixException">The file is absent or not readable as Parquet.</exception>
    public static async Task<ParquetTable> OpenAsync(string path, CancellationToken cancellationToken)
    {
        if (!File.Exists(path))
        {
            throw new MedixException($"There is no file '{path}'. Check the path of the data set.");
        }

        FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
        try
        {
            FooterRange footer = ParquetContainer.Check(file, path);
            Stream view = Float16Footer.Wrap(file, footer);
            view.Seek(0, SeekOrigin.Begin);
            ParquetOptions options = new() { UseBigDecimal = true, UseDateOnlyTypeForDates = true };
            ParquetReader reader = await ParquetReader.CreateAsync(view, options, leaveStreamOpen: true, cancellationToken).ConfigureAwait(false);
            return new ParquetTable(path, view, footer, reader);
        }
        catch (Exception error)
        {
            await file.DisposeAsync().ConfigureAwait(false);
            if (error is MedixException or OperationCanceledException)
            {
                throw;
            }

            throw ParquetContainer.Refuse(path, $"its footer is damaged ({Brief(error)})", "download or write it again", error);
        }
    }

    /// <summary>
    /// All rows; each holds the values of <paramref name="columns"/> in that order: null, bool, a number, string, byte[], <see cref="DateOnly"/>,
    /// <see cref="DateTime"/>, <see cref="TimeSpan"/>, <see cref="Parquet.Data.BigDecimal"/>, <c>IReadOnlyList&lt;object?&gt;</c> or, for a struct,
    /// <c>IReadOnlyDictionary&lt;string, object?&gt;</c>. One row group is held in memory at a time.
    /// </summary>
    /// <exception cref="MedixException">A page is damaged, or a column is of a kind that is not read.</exception>
    public async IAsyncEnumerable<IReadOnlyList<object?>> ReadRowsAsync(
        IReadOnlyList<string> columns,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Field[] fields = [.. columns.Select(name => reader.Schema.Fields.First(field => field.Name == name))];
        for (int group = 0; group < reader.RowGroupCount; group++)
        {
            foreach (IReadOnlyList<object?> row in await ReadGroupAsync(group, fields, cancellationToken).ConfigureAwait(false))
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return row;
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await reader.DisposeAsync().ConfigureAwait(false);
        await file.DisposeAsync().ConfigureAwait(false);
    }

    private async Task<IReadOnlyList<IReadOnlyList<object?>>> ReadGroupAsync(int group, Field[] fields, CancellationToken cancellationToken)
    {
        string column = "";
        try
        {
            using ParquetRowGroupReader rows = reader.OpenRowGroupReader(group);
            if (rows.RowCount == 0)
            {
                return []; // an empty group's chunks may have no pages, and offsets of 0
            }

            object?[][] values = new object?[fields.Length][];
            for (int i = 0; i < fields.Length; i++)
            {
                column = fields[i].Name;
                values[i] = await ReadColumnAsync(rows, fields[i], cancellationToken).ConfigureAwait(false);
            }

            return [.. Enumerable.Range(0, checked((int)rows.RowCount)).Select(row => (object?[])[.. values.Select(cells => cells[row])])];
        }
        catch (Exception error) when (error is not (OperationCanceledException or MedixException))
        {
            string found = $"column '{column}' of row group {group} is damaged ({Brief(error)})";
            throw ParquetContainer.Refuse(path, found, "download or write the file again", error);
        }
    }

    private async Task<object?[]> ReadColumnAsync(ParquetRowGroupReader rows, Field field, CancellationToken cancellationToken)
    {
        List<ParquetLeaf> leaves = [];
        foreach (DataField leaf in ParquetTypes.Leaves(field))
        {
            ColumnChunk chunk = rows.GetMetadata(leaf) ?? throw new InvalidDataException($"'{leaf.Path}' is not in the row group");
            ColumnMetaData metadata = chunk.MetaData ?? throw new InvalidDataException($"'{leaf.Path}' has no metadata (it may be encrypted)");
            ParquetPages.Check(file, metadata, footer.Offset);
            if (leaf.MaxRepetitionLevel == 0 ? metadata.NumValues != rows.RowCount : metadata.NumValues < rows.RowCount)
            {
                throw new InvalidDataException($"'{leaf.Path}' holds {metadata.NumValues} values for {rows.RowCount} rows");
            }

            leaves.Add(await ParquetLeaf.ReadAsync(rows, leaf, cancellationToken).ConfigureAwait(false));
        }

        return ParquetAssembly.Assemble(field, leaves, checked((int)rows.RowCount));
    }

    private static string Brief(Exception error) => error.Message.Split('\n')[0].TrimEnd('.', '\r', ' ');
}

/// <summary>A top-level column; <paramref name="Type"/> is written as Arrow does: <c>list&lt;struct&lt;bytes: binary, path: string&gt;&gt;</c>.</summary>
public sealed record ParquetColumn(string Name, string Type);
