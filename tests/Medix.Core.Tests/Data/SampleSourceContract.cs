using Medix.Data;

namespace Medix.Core.Tests.Data;

/// <summary>
/// What every <see cref="ISampleSource"/> promises. A new source adds a class with <see cref="OpenAsync"/>, which has usable and unusable rows.
/// </summary>
public abstract class SampleSourceContract : DataTest
{
    protected abstract Task<ISampleSource> OpenAsync();

    [Fact]
    public async Task Reading_twice_gives_the_same_rows_and_skips()
    {
        ISampleSource source = await OpenAsync();
        (List<DatasetRow> first, SkippedRows firstSkipped) = await ReadAsync(source);
        (List<DatasetRow> second, SkippedRows secondSkipped) = await ReadAsync(source);
        Assert.NotEmpty(first);
        Assert.NotEmpty(firstSkipped.Rows);
        Assert.Equal(first.Select(Show), second.Select(Show));
        Assert.Equal(firstSkipped.Rows, secondSkipped.Rows);
    }

    [Fact]
    public async Task Rows_are_whole_and_skips_have_place_and_detail()
    {
        (List<DatasetRow> rows, SkippedRows skipped) = await ReadAsync(await OpenAsync());
        Assert.All(rows, row => Assert.All(new[] { row.Id, row.Problem, row.Solution, row.Source }, text => Assert.False(string.IsNullOrWhiteSpace(text))));
        Assert.All(rows.SelectMany(row => row.Images), image => Assert.True(image.Bytes.Length > 0 && image.Name.Length > 0));
        Assert.All(skipped.Rows, row => Assert.All(new[] { row.Reason, row.Row, row.Detail }, text => Assert.False(string.IsNullOrWhiteSpace(text))));
    }

    [Fact]
    public async Task A_cancelled_read_stops()
    {
        ISampleSource source = await OpenAsync();
        using CancellationTokenSource cancelled = new();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (DatasetRow _ in source.ReadAsync(new SkipLog(), cancelled.Token))
            {
            }
        });
    }

    private static string Show(DatasetRow row)
    {
        string images = string.Join(",", row.Images.Select(image => Convert.ToHexString(image.Bytes.Span)));
        return $"{row.Id}|{row.Problem}|{row.Solution}|{row.Source}|{row.Group}|{row.Notes}|{images}";
    }
}

public sealed class JsonlSourceContract : SampleSourceContract
{
    protected override Task<ISampleSource> OpenAsync()
    {
        Write("a.png", Png);
        return Task.FromResult<ISampleSource>(new JsonlSource(Write("train.jsonl", """
            {"id": 1, "image": "a.png", "problem": "p", "solution": "s", "group": "g", "question_type": "PRES"}
            {"id": 2, "image": "b.png", "problem": "p", "solution": "s"}
            """)));
    }
}

public sealed class ParquetSourceContract : SampleSourceContract
{
    protected override async Task<ISampleSource> OpenAsync()
    {
        string file = Path.Combine(Folder, "train.parquet");
        await TestParquet.WriteAsync(file, new TestParquet.BinaryRow[]
        {
            new() { image = Png, problem = "p", solution = "s" }, new() { image = [], problem = "p", solution = "s" },
        });
        return new ParquetSource([file]);
    }
}

public sealed class VqaRadSourceContract : SampleSourceContract
{
    protected override Task<ISampleSource> OpenAsync()
    {
        Write("images/a.jpg", Png);
        Write(VqaRadFile.PublicName, """
            [{"qid": 1, "image_name": "a.jpg", "question": "Is this an MRI?", "answer": "yes", "image_case_url": "c"}, {"qid": 2}]
            """);
        return Task.FromResult<ISampleSource>(new VqaRadSource(Folder));
    }
}
