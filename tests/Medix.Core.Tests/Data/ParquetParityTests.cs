using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Text.Json;
using Medix.Data;
using Medix.Imaging;
using Medix.Runs;
using Medix.Testing;
using Parquet.Data;

namespace Medix.Core.Tests.Data;

/// <summary>Every file of the manifest: accepted ones give exactly the rows that pyarrow and polars gave, rejected ones are refused in words.</summary>
[Trait("Category", "Parity")]
public sealed class ParquetParityTests : DataTest
{
    private static readonly string[] Names = ["id", "problem", "solution", "source"];

    [Fact]
    public async Task Accepted_files_give_the_reference_rows()
    {
        int files = 0, rows = 0;
        foreach (ManifestEntry entry in Manifest().Where(entry => entry.Accepted))
        {
            List<JsonElement> expected = ExpectedRows(entry);
            await using ParquetTable table = await ParquetTable.OpenAsync(entry.Path, Token);
            string[] columns = [.. table.Columns.Select(column => column.Name)];
            Assert.Equal(entry.Rows, table.RowCount);
            int row = 0;
            await foreach (IReadOnlyList<object?> values in table.ReadRowsAsync(columns, Token))
            {
                for (int i = 0; i < columns.Length && row < expected.Count; i++)
                {
                    Same(expected[row].GetProperty(columns[i]), values[i], $"{entry.File} row {row} {columns[i]}");
                }

                row++;
            }

            Assert.Equal(entry.Rows, row);
            files++;
            rows += Math.Min(row, expected.Count);
        }

        Assert.True(files > 0 && rows > 0, "no accepted file was compared");
        TestContext.Current.TestOutputHelper?.WriteLine($"{files} files, {rows} rows compared");
    }

    [Fact]
    public async Task Rejected_files_are_refused_in_one_paragraph()
    {
        int files = 0;
        foreach (ManifestEntry entry in Manifest().Where(entry => !entry.Accepted))
        {
            MedixException error = await RefusalAsync(entry);
            Assert.Contains(entry.File, error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error.Message);
            TestContext.Current.TestOutputHelper?.WriteLine($"{entry.Reason}\n   {error.Message}");
            files++;
        }

        Assert.True(files > 0, "no rejected file was tried");
    }

    [Theory]
    [InlineData("LFS", "LFS pointer")]
    [InlineData("HTML", "web page")]
    [InlineData("modular encryption", "encrypted")]
    [InlineData("column 'solution' is missing", "no column 'solution'")]
    [InlineData("image is int64", "Column 'image'")]
    [InlineData("CRC", "has checksum")]
    public async Task Refusals_name_the_accident(string reason, string words)
    {
        ManifestEntry[] entries = [.. Manifest().Where(entry => !entry.Accepted && entry.Reason.Contains(reason, StringComparison.Ordinal))];
        Assert.SkipWhen(entries.Length == 0, $"no file of this kind ('{reason}') in the set");
        foreach (ManifestEntry entry in entries)
        {
            MedixException error = await RefusalAsync(entry);
            Assert.Contains(words, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_published_schema_gives_rows_with_their_images_whole_and_in_shards()
    {
        string folder = SharedFiles.Require("goldens", "parquet");
        List<JsonElement> expected = Lines(Path.Combine(folder, "rl-train.rows.jsonl"));
        foreach (string path in new[] { "rl-train.parquet", "shards" })
        {
            ISampleSource source = SampleSources.Open(null, Path.Combine(folder, path));
            (List<DatasetRow> rows, SkippedRows skipped) = await ReadAsync(source);
            Assert.Empty(skipped.Rows);
            Assert.Equal(expected.Count, rows.Count);
            foreach ((JsonElement json, DatasetRow row) in expected.Zip(rows))
            {
                Assert.Equal(Names.Select(name => json.GetProperty(name).GetString()), [row.Id, row.Problem, row.Solution, row.Source]);
                Assert.Equal(
                    json.GetProperty("image").EnumerateArray().Select(image => image.GetProperty("bytes").GetProperty("sha256").GetString()),
                    row.Images.Select(image => Convert.ToHexStringLower(SHA256.HashData(image.Bytes.Span))));
            }
        }
    }

    [Fact]
    public async Task The_published_schema_becomes_samples_and_skipped_rows_that_add_up()
    {
        string file = SharedFiles.Require("goldens", "parquet", "rl-train.parquet");
        List<JsonElement> expected = Lines(Path.ChangeExtension(file, ".rows.jsonl"));
        SampleSet set = await SampleSet.LoadAsync(new ParquetSource([file]), PromptTemplate.Load("bare"), ImageChecks.Decode(new ImageLimits()), Token);
        string Tag(JsonElement row) => row.GetProperty("solution").GetString()!.Split('>')[0][1..];
        Assert.Equal(
            expected.Where(row => Modalities.All.Contains(Tag(row))).Select(row => row.GetProperty("id").GetString()),
            set.Samples.Select(sample => sample.Id));
        Assert.Equal(expected.Count - set.Samples.Count, set.Skipped.Rows.Count);
        Assert.All(set.Skipped.Rows, row => Assert.Equal(SkipReasons.UnknownTag, row.Reason));
        Assert.Contains(set.Samples, sample => sample.Images.Count == 0);
    }

    /// <summary>A damaged file is refused when all of it is read; one that is only unfit as a dataset, by the source.</summary>
    private static async Task<MedixException> RefusalAsync(ManifestEntry entry)
    {
        try
        {
            await using ParquetTable table = await ParquetTable.OpenAsync(entry.Path, Token);
            await foreach (IReadOnlyList<object?> _ in table.ReadRowsAsync([.. table.Columns.Select(column => column.Name)], Token))
            {
            }
        }
        catch (MedixException error)
        {
            return error;
        }

        Assert.StartsWith("readable", entry.Reason, StringComparison.Ordinal);
        return await Assert.ThrowsAsync<MedixException>(() => ReadAsync(new ParquetSource([entry.Path])));
    }

    private static void Same(JsonElement expected, object? actual, string where)
    {
        switch (actual)
        {
            case null:
                Assert.True(expected.ValueKind == JsonValueKind.Null, $"{where}: null, expected {expected}");
                break;
            case byte[] bytes:
                Assert.Equal(expected.GetProperty("size").GetInt32(), bytes.Length);
                Assert.Equal(expected.GetProperty("sha256").GetString(), Convert.ToHexStringLower(SHA256.HashData(bytes)));
                break;
            case IReadOnlyList<object?> list:
                Assert.True(expected.GetArrayLength() == list.Count, $"{where}: {list.Count} items, expected {expected}");
                Assert.All(expected.EnumerateArray().Zip(list), pair => Same(pair.First, pair.Second, where));
                break;
            case IReadOnlyDictionary<string, object?> fields:
                Assert.Equal(expected.EnumerateObject().Select(property => property.Name), fields.Keys);
                Assert.All(expected.EnumerateObject(), property => Same(property.Value, fields[property.Name], $"{where}.{property.Name}"));
                break;
            case bool flag:
                Assert.Equal(expected.GetBoolean(), flag);
                break;
            case Half or float or double:
                Assert.Equal(Float(expected), actual is Half half ? (double)half : Convert.ToDouble(actual, CultureInfo.InvariantCulture));
                break;
            case BigDecimal or decimal:
                Assert.Equal(Scaled(expected.GetString()!), Scaled(Convert.ToString(actual, CultureInfo.InvariantCulture)!));
                break;
            case string or DateOnly or DateTime or TimeSpan or TimeOnly:
                Assert.True(expected.GetString() == Iso(actual), $"{where}: {Iso(actual)}, expected {expected}");
                break;
            default:
                string text = Convert.ToString(actual, CultureInfo.InvariantCulture)!;
                Assert.True(expected.GetRawText() == text, $"{where}: {text}, expected {expected.GetRawText()}");
                break;
        }
    }

    private static double Float(JsonElement json) => json.ValueKind == JsonValueKind.Number
        ? json.GetDouble()
        : json.GetProperty("float").GetString() switch { "nan" => double.NaN, "inf" => double.PositiveInfinity, _ => double.NegativeInfinity };

    /// <summary>A decimal text (also with exponent) times 10^30, exact.</summary>
    private static BigInteger Scaled(string text)
    {
        string[] parts = text.Split('E', 'e');
        string[] digits = parts[0].Split('.');
        int exponent = (parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 0) - (digits.Length > 1 ? digits[1].Length : 0);
        return BigInteger.Parse(string.Concat(digits), CultureInfo.InvariantCulture) * BigInteger.Pow(10, 30 + exponent);
    }

    private static string Iso(object value) => value switch
    {
        DateOnly date => date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        DateTime { Kind: DateTimeKind.Utc } time => Iso(DateTime.SpecifyKind(time, DateTimeKind.Unspecified)) + "+00:00",
        DateTime time => time.ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture) + Fraction(time.Ticks),
        TimeSpan time => time.ToString("hh':'mm':'ss", CultureInfo.InvariantCulture) + Fraction(time.Ticks),
        TimeOnly time => time.ToString("HH:mm:ss", CultureInfo.InvariantCulture) + Fraction(time.Ticks),
        _ => (string)value,
    };

    private static string Fraction(long ticks) =>
        ticks % 10_000_000 / 10 is > 0 and var micros ? string.Create(CultureInfo.InvariantCulture, $".{micros:D6}") : "";

    private static List<JsonElement> ExpectedRows(ManifestEntry entry)
    {
        string name = entry.RowsIn ?? Path.ChangeExtension(Path.GetFileName(entry.Path), ".rows.jsonl");
        string rows = Path.Combine(Path.GetDirectoryName(entry.Path)!, name);
        return File.Exists(rows) ? Lines(rows) : [];
    }

    private static List<JsonElement> Lines(string path) =>
        [.. File.ReadLines(path).Where(line => line.Length > 0).Select(line => JsonDocument.Parse(line).RootElement)];

    private static List<ManifestEntry> Manifest()
    {
        string folder = SharedFiles.Require("goldens", "parquet");
        using JsonDocument manifest = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "manifest.json")));
        return
        [
            .. manifest.RootElement.EnumerateArray().Select(entry => new ManifestEntry(
                entry.GetProperty("file").GetString()!,
                Path.Combine(folder, entry.GetProperty("file").GetString()!),
                entry.GetProperty("expected").GetString() == "accepted",
                entry.TryGetProperty("rows", out JsonElement rows) && rows.ValueKind == JsonValueKind.Number ? rows.GetInt64() : 0,
                entry.TryGetProperty("rows_in", out JsonElement rowsIn) ? rowsIn.GetString() : null,
                entry.TryGetProperty("reason", out JsonElement reason) ? reason.GetString() ?? "" : "")),
        ];
    }

    private sealed record ManifestEntry(string File, string Path, bool Accepted, long Rows, string? RowsIn, string Reason);
}
