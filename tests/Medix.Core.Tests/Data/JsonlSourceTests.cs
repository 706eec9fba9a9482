using System.Text.Json;
using Medix.Data;
using Medix.Runs;
using Medix.Testing;

namespace Medix.Core.Tests.Data;

public sealed class JsonlSourceTests : DataTest
{
    [Fact]
    [Trait("Category", "Parity")]
    public async Task Golden_rows_and_bad_paths()
    {
        string folder = SharedFiles.Require("goldens", "parquet", "jsonl-and-folder");
        int lines = 0;
        foreach (string file in Directory.GetFiles(folder, "*.jsonl"))
        {
            (List<DatasetRow> rows, SkippedRows skipped) = await ReadAsync(new JsonlSource(file));
            JsonElement[] expected = [.. File.ReadLines(file).Where(line => line.Length > 0).Select(line => JsonDocument.Parse(line).RootElement)];
            lines += expected.Length;
            Assert.Equal(expected.Length, rows.Count + skipped.Rows.Count);
            foreach (JsonElement row in expected)
            {
                string id = row.GetProperty("id").GetRawText();
                JsonElement cell = row.GetProperty("image");
                string[] paths = cell.ValueKind == JsonValueKind.Array
                    ? [.. cell.EnumerateArray().Select(path => path.GetString()!)]
                    : [cell.GetString()!];
                string? reason = paths.Any(path => path.Contains("..", StringComparison.Ordinal)) ? SkipReasons.ImageOutsideFolder
                    : paths.All(path => File.Exists(Path.Combine(folder, path))) ? null : SkipReasons.MissingImage;
                if (reason is null)
                {
                    DatasetRow read = rows.Single(candidate => candidate.Id == id);
                    Assert.Equal(paths.Select(path => File.ReadAllBytes(Path.Combine(folder, path))), read.Images.Select(image => image.Bytes.ToArray()));
                    Assert.Equal(row.GetProperty("solution").GetString(), read.Solution);
                }
                else
                {
                    Assert.Equal(reason, skipped.Rows.Single(candidate => candidate.Row.Contains($"(id {id})", StringComparison.Ordinal)).Reason);
                }
            }
        }

        Assert.True(lines > 0, "no line was compared");
    }

    [Fact]
    [Trait("Category", "Parity")]
    public async Task Golden_imagefolder()
    {
        string folder = SharedFiles.Require("goldens", "parquet", "imagefolder");
        using JsonDocument expected = JsonDocument.Parse(await File.ReadAllTextAsync(folder + ".expected.json", Token));
        foreach (JsonProperty split in expected.RootElement.GetProperty("rows").EnumerateObject())
        {
            ColumnNames names = new(Problem: "text", Solution: "label");
            (List<DatasetRow> rows, SkippedRows skipped) = await ReadAsync(SampleSources.Open(null, folder, names, split.Name));
            Assert.Empty(skipped.Rows);
            Assert.Equal(
                split.Value.EnumerateArray().Select(row => $"{row.GetProperty("image")} {row.GetProperty("text")} {row.GetProperty("label")}"),
                rows.Select(row => $"{row.Images[0].Name} {row.Problem} {row.Solution}"));
        }
    }

    [Fact]
    public async Task Every_kind_of_bad_row_is_counted_with_its_line_and_reason()
    {
        Write("i/ok.png", Png);
        Write("i/empty.png", []);
        (string Line, string? Reason)[] lines =
        [
            ("""{"id": 1, "image": "i/ok.png", "problem": "p", "solution": "s"}""", null),
            ("""{"id": 2, "image": ["i/ok.png", "i\\ok.png"], "question": "p", "answer": 3}""", null),
            ("""{"id": 3, "image": null, "problem": "p", "solution": "s"}""", null),
            ("""{"id": 4, "image": "i/no.png", "problem": "p", "solution": "s"}""", SkipReasons.MissingImage),
            ("""{"id": 5, "image": "i/empty.png", "problem": "p", "solution": "s"}""", SkipReasons.MissingImage),
            ("""{"id": 6, "image": ["i/ok.png", null], "problem": "p", "solution": "s"}""", SkipReasons.MissingImage),
            ("""{"id": 7, "image": "/etc/hostname", "problem": "p", "solution": "s"}""", SkipReasons.ImageOutsideFolder),
            ("""{"id": 8, "image": "i/../../x.png", "problem": "p", "solution": "s"}""", SkipReasons.ImageOutsideFolder),
            ("""{"id": 9, "image": 5, "problem": "p", "solution": "s"}""", SkipReasons.WrongType),
            ("""{"id": 10, "image": "i/ok.png", "problem": 5, "solution": "s"}""", SkipReasons.WrongType),
            ("""{"id": 11, "image": "i/ok.png", "problem": "p", "solution": ["s"]}""", SkipReasons.WrongType),
            ("""{"id": 12, "image": "i/ok.png", "solution": "s"}""", SkipReasons.MissingField),
            ("""{"id": 13, "image": "i/ok.png", "problem": "p", "solution": null}""", SkipReasons.MissingField),
            ("""{"id": 14, "image": "i/ok.png", "problem": "", "solution": "s"}""", SkipReasons.EmptyQuestion),
            ("""{"id": 15, "image": "i/ok.png", "problem": "p", "solution": " "}""", SkipReasons.EmptyAnswer),
            ("""{"id": 16, "image": "data:image/png;base64,!!", "problem": "p", "solution": "s"}""", SkipReasons.DamagedImage),
            ("""{"id": 17, "image": "https://example.org/x.png", "problem": "p", "solution": "s"}""", SkipReasons.MissingImage),
            ("""{"id": 18, "image": "i/ok.png", "problem": "p", "solu""", SkipReasons.NotJson),
            ("""["not", "an", "object"]""", SkipReasons.NotJson),
            ("""{"id": 20, "image": "i/ok.png", "problem": "\ud800", "solution": "s"}""", SkipReasons.NotJson),
        ];
        string file = Write("train.jsonl", "\uFEFF" + string.Join("\r\n\r\n", lines.Select(line => line.Line)));
        (List<DatasetRow> rows, SkippedRows skipped) = await ReadAsync(new JsonlSource(file));
        Assert.Equal(["1", "2", "3"], rows.Select(row => row.Id));
        Assert.Equal([1, 2, 0], rows.Select(row => row.Images.Count));
        Assert.Equal("3", rows[1].Solution);
        (string, string)[] expected =
        [
            .. lines.Select((entry, i) => (Place: $"line {(2 * i) + 1}", Reason: entry.Reason ?? "")).Where(entry => entry.Reason.Length > 0),
        ];
        Assert.Equal(expected, skipped.Rows.Select(row => (string.Join(' ', row.Row.Split(' ')[1..3]), row.Reason)));
        Assert.Equal(skipped.Rows.Count, skipped.ByReason.Sum(count => count.Rows));
        Assert.All(skipped.Rows, row => Assert.NotEmpty(row.Detail));
    }

    [Theory]
    [InlineData("<html>\n<body>", "not JSON lines")]
    [InlineData("[1]\n[2]", "not JSON lines")]
    [InlineData("""{"img": "x.png", "problem": "p", "solution": "s"}""", "has a field 'image'")]
    public async Task A_file_that_is_something_else_is_an_error(string text, string words)
    {
        string file = Write("train.jsonl", text);
        MedixException error = await Assert.ThrowsAsync<MedixException>(() => ReadAsync(new JsonlSource(file)));
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.Contains(file, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sibling_folder_that_starts_alike_is_outside()
    {
        Write("set-private/x.png", Png);
        string file = Write("set/train.jsonl", """{"image": "../set-private/x.png", "problem": "p", "solution": "s"}""");
        (_, SkippedRows skipped) = await ReadAsync(new JsonlSource(file));
        Assert.Equal(SkipReasons.ImageOutsideFolder, Assert.Single(skipped.Rows).Reason);
    }

    [Fact]
    public void Nothing_at_the_path_is_an_error_that_says_what_is_expected()
    {
        Refused("no data set at", null, Path.Combine(Folder, "x"));
        Refused("train.jsonl", null, Folder);
        Refused("parquet, jsonl, vqa-rad", "csv", Folder);
    }

    private static void Refused(string words, string? kind, string path) =>
        Assert.Contains(words, Assert.Throws<MedixException>(() => SampleSources.Open(kind, path)).Message, StringComparison.Ordinal);
}
