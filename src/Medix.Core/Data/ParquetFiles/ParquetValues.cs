using System.Buffers.Binary;
using System.Globalization;
using Parquet.Data;
using Parquet.Schema;

namespace Medix.Data;

/// <summary>Copies a column's defined values out of the library's pooled memory, as plain objects.</summary>
internal static class ParquetValues
{
    /// <summary>The first <paramref name="count"/> values (those that are defined; -1 = all), boxed.</summary>
    /// <exception cref="InvalidDataException">The column holds fewer, or values of a kind that is not read.</exception>
    public static object?[] Copy(RawColumnData column, int count) => column switch
    {
        RawColumnData<ReadOnlyMemory<char>> text => Map(text.Values, count, value => value.ToString()),
        RawColumnData<ReadOnlyMemory<byte>> bytes => Map(bytes.Values, count, value => value.ToArray()),
        RawColumnData<bool> typed => Map(typed.Values, count, value => value),
        RawColumnData<sbyte> typed => Map(typed.Values, count, value => value),
        RawColumnData<byte> typed => Map(typed.Values, count, value => value),
        RawColumnData<short> typed => Map(typed.Values, count, value => value),
        RawColumnData<ushort> typed => Map(typed.Values, count, value => value),
        RawColumnData<int> typed => Map(typed.Values, count, value => value),
        RawColumnData<uint> typed => Map(typed.Values, count, value => value),
        RawColumnData<long> typed => Map(typed.Values, count, value => value),
        RawColumnData<ulong> typed => Map(typed.Values, count, value => value),
        RawColumnData<float> typed => Map(typed.Values, count, value => value),
        RawColumnData<double> typed => Map(typed.Values, count, value => value),
        RawColumnData<decimal> typed => Map(typed.Values, count, value => value),
        RawColumnData<BigDecimal> typed => Map(typed.Values, count, value => value),
        RawColumnData<DateOnly> typed => Map(typed.Values, count, value => value),
        RawColumnData<TimeOnly> typed => Map(typed.Values, count, value => value),
        RawColumnData<DateTime> typed => Map(typed.Values, count, value => value),
        RawColumnData<TimeSpan> typed => Map(typed.Values, count, value => value),
        RawColumnData<Guid> typed => Map(typed.Values, count, value => value),
        _ => throw new InvalidDataException($"values of type {column.GetType().GenericTypeArguments[0].Name} are not read"),
    };

    /// <summary>Values that the library leaves in their physical form (float16, times of day), as what they mean.</summary>
    public static object?[] ToLogical(DataField field, object?[] values)
    {
        if (ParquetTypes.IsFloat16(field))
        {
            return [.. values.Select(value => (object)BinaryPrimitives.ReadHalfLittleEndian((byte[])value!))];
        }

        if (field.SchemaElement?.LogicalType?.TIME?.Unit is not { } unit)
        {
            return values;
        }

        long perSecond = unit.MILLIS is not null ? 1_000 : unit.MICROS is not null ? 1_000_000 : 1_000_000_000;
        return [.. values.Select(value => value is int or long ? TimeOfDay(Convert.ToInt64(value, CultureInfo.InvariantCulture), perSecond) : value)];
    }

    private static TimeOnly TimeOfDay(long units, long perSecond)
    {
        Int128 ticks = (Int128)units * TimeSpan.TicksPerSecond / perSecond;
        return ticks >= 0 && ticks < TimeSpan.TicksPerDay ? new TimeOnly((long)ticks) : throw new InvalidDataException($"{units} is no time of day");
    }

    private static object?[] Map<T>(Span<T> values, int count, Func<T, object> box)
    {
        count = count < 0 ? values.Length : count;
        if (count > values.Length)
        {
            throw new InvalidDataException($"it holds {values.Length} values where {count} are defined");
        }

        object?[] copy = new object?[count];
        for (int i = 0; i < count; i++)
        {
            copy[i] = box(values[i]);
        }

        return copy;
    }
}
