#pragma warning disable IDE1006, CA1034 // the properties are the columns' names
using Parquet.Serialization;

namespace Medix.Core.Tests.Data;

/// <summary>Parquet files of the published schema, written for one test.</summary>
internal static class TestParquet
{
    public static async Task WriteAsync<T>(string path, IReadOnlyCollection<T> rows)
        where T : notnull
    {
        await using FileStream file = File.Create(path);
        await ParquetSerializer.SerializeAsync(rows, file);
    }

    public sealed class Picture
    {
        public byte[]? bytes { get; set; }

        public string? path { get; set; }
    }

    public sealed class StructRow
    {
        public string? id { get; set; }

        public Picture? image { get; set; }

        public string? source { get; set; }

        public string? problem { get; set; }

        public string? solution { get; set; }
    }

    public sealed class ListRow
    {
        public long id { get; set; }

        public List<Picture>? images { get; set; }

        public string? question { get; set; }

        public string? answer { get; set; }
    }

    public sealed class BinaryRow
    {
        public byte[]? image { get; set; }

        public string? problem { get; set; }

        public string? solution { get; set; }
    }

    public sealed class TextRow
    {
        public string? photo { get; set; }

        public string? ask { get; set; }

        public string? reply { get; set; }
    }
}
