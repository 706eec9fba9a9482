using Medix.Runs;
using Parquet.Schema;

namespace Medix.Data;

/// <summary>A schema's types in words, and the leaves under a column.</summary>
internal static class ParquetTypes
{
    /// <summary>The type as Arrow writes it.</summary>
    public static string Describe(Field field) => field switch
    {
        ListField list => $"list<{Describe(list.Item)}>",
        StructField structure => $"struct<{string.Join(", ", structure.Fields.Select(child => $"{child.Name}: {Describe(child)}"))}>",
        MapField map => $"map<{Describe(map.Key)}, {Describe(map.Value)}>",
        DataField { IsArray: true } data => $"list<{Scalar(data)}>",
        DataField data => Scalar(data),
        _ => field.SchemaType.ToString(),
    };

    /// <summary>The stored columns under a field, in the file's order.</summary>
    public static IEnumerable<DataField> Leaves(Field field) => field switch
    {
        // A bare repeated field (no list group around it) has no place for null lists and is written by no current library.
        DataField { IsArray: true } => throw Unsupported(field, "a repeated field without a list"),
        DataField data => [data],
        ListField list => Leaves(list.Item),
        StructField structure => structure.Fields.SelectMany(Leaves),
        _ => throw Unsupported(field, $"a {field.SchemaType.ToString().ToLowerInvariant()}"),
    };

    private static MedixException Unsupported(Field field, string kind) =>
        new($"Parquet column '{field.Path}' is {kind}, which Medix does not read. Write it as a list or struct, or leave the column out.");

    /// <summary>Whether a column of two plain bytes is float16 (see <see cref="Float16Footer"/>; real BSON has no fixed length).</summary>
    public static bool IsFloat16(DataField field) =>
        field.SchemaElement is { Type: Parquet.Meta.Type.FIXED_LEN_BYTE_ARRAY, TypeLength: 2, LogicalType.BSON: not null };

    private static string Scalar(DataField field) => field.ClrType switch
    {
        _ when IsFloat16(field) => "half",
        var type when type == typeof(ReadOnlyMemory<char>) || type == typeof(string) => "string",
        var type when type == typeof(ReadOnlyMemory<byte>) || type == typeof(byte[]) => "binary",
        var type => type.Name.ToLowerInvariant(),
    };
}
