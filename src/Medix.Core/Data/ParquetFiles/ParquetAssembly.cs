using Parquet;
using Parquet.Data;
using Parquet.Schema;

namespace Medix.Data;

/// <summary>
/// Puts nested values together again from definition and repetition levels (Melnik et al., Dremel, VLDB 2010).
/// A list's level in Parquet.Net counts its repeated group: at that definition level there is an element, one below the list is empty,
/// further below it or one of its parents is null.
/// </summary>
internal static class ParquetAssembly
{
    /// <summary>One value per row of a top-level column; <paramref name="leaves"/> are those under <paramref name="field"/>, in order.</summary>
    /// <exception cref="InvalidDataException">The levels do not make <paramref name="rows"/> rows.</exception>
    public static object?[] Assemble(Field field, IReadOnlyList<ParquetLeaf> leaves, int rows)
    {
        object?[] values = new object?[rows];
        for (int row = 0; row < rows; row++)
        {
            values[row] = Read(field, leaves, 0);
        }

        return leaves.All(leaf => leaf.AtEnd) ? values : throw new InvalidDataException($"it holds values beyond its {rows} rows");
    }

    private static object? Read(Field field, IReadOnlyList<ParquetLeaf> leaves, int first) => field switch
    {
        ListField list => ReadList(list, leaves, first),
        StructField structure => ReadStruct(structure, leaves, first),
        _ => leaves[first].Take(),
    };

    private static List<object?>? ReadList(ListField list, IReadOnlyList<ParquetLeaf> leaves, int first)
    {
        int definition = leaves[first].Definition;
        if (definition < list.MaxDefinitionLevel)
        {
            Pass(list, leaves, first);
            bool isNull = list.IsNullable && definition < list.MaxDefinitionLevel - 1;
            return isNull ? null : [];
        }

        List<object?> items = [];
        do
        {
            items.Add(Read(list.Item, leaves, first));
        }
        while (leaves[first].Repetition == list.MaxRepetitionLevel);
        return items;
    }

    private static Dictionary<string, object?>? ReadStruct(StructField structure, IReadOnlyList<ParquetLeaf> leaves, int first)
    {
        if (structure.IsNullable && leaves[first].Definition < structure.MaxDefinitionLevel)
        {
            Pass(structure, leaves, first);
            return null;
        }

        Dictionary<string, object?> values = new(StringComparer.Ordinal);
        foreach (Field child in structure.Fields)
        {
            values[child.Name] = Read(child, leaves, first);
            first += ParquetTypes.Leaves(child).Count();
        }

        return values;
    }

    /// <summary>A null or empty value still has one entry in each leaf under it.</summary>
    private static void Pass(Field field, IReadOnlyList<ParquetLeaf> leaves, int first)
    {
        int count = ParquetTypes.Leaves(field).Count();
        for (int i = 0; i < count; i++)
        {
            leaves[first + i].Take();
        }
    }
}

/// <summary>One stored column of a row group with a cursor over its entries.</summary>
internal sealed class ParquetLeaf
{
    private readonly int[]? definitions;
    private readonly int[]? repetitions;
    private readonly object?[] values;
    private readonly int maxDefinition;
    private int entry;
    private int value;

    private ParquetLeaf(object?[] values, int[]? definitions, int[]? repetitions, int maxDefinition)
    {
        this.values = values;
        this.definitions = definitions;
        this.repetitions = repetitions;
        this.maxDefinition = maxDefinition;
    }

    /// <summary>Whether all entries were taken.</summary>
    public bool AtEnd => entry == (definitions?.Length ?? values.Length);

    /// <summary>The next entry's definition level.</summary>
    /// <exception cref="InvalidDataException">There is no next entry.</exception>
    public int Definition => AtEnd ? throw new InvalidDataException("it ends before its rows do") : definitions?[entry] ?? maxDefinition;

    /// <summary>The next entry's repetition level; 0 (a new row) at the end.</summary>
    public int Repetition => AtEnd ? 0 : repetitions?[entry] ?? 0;

    /// <summary>Takes the next entry: its value, or null below the leaf's own level.</summary>
    public object? Take()
    {
        bool defined = Definition == maxDefinition;
        entry++;
        return defined ? values[value++] : null;
    }

    /// <summary>Reads and copies a column's entries.</summary>
    public static async Task<ParquetLeaf> ReadAsync(ParquetRowGroupReader rows, DataField field, CancellationToken cancellationToken)
    {
        using RawColumnData raw = await rows.ReadRawColumnDataBaseAsync(field, cancellationToken).ConfigureAwait(false);
        int[]? definitions = field.MaxDefinitionLevel > 0 ? raw.DefinitionLevels.ToArray() : null;
        int[]? repetitions = field.MaxRepetitionLevel > 0 ? raw.RepetitionLevels.ToArray() : null;
        int count = definitions?.Count(level => level == field.MaxDefinitionLevel) ?? -1;
        object?[] values = ParquetValues.ToLogical(field, ParquetValues.Copy(raw, count));
        return new ParquetLeaf(values, definitions, repetitions, field.MaxDefinitionLevel);
    }
}
