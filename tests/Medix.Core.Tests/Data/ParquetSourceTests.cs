using Medix.Data;
using Medix.Runs;

namespace Medix.Core.Tests.Data;

public sealed class ParquetSourceTests : DataTest
{
    [Fact]
    public async Task Struct_images_take_bytes_before_path_and_paths_from_the_folder()
    {
        Write("pictures/b.png", Png);
        string file = Path.Combine(Folder, "train.parquet");
        await TestParquet.WriteAsync(file, new TestParquet.StructRow[]
        {
            new() { id = "a", image = new() { bytes = Png, path = "pictures/absent.png" }, problem = "p", solution = "s", source = "x" },
            new() { id = "b", image = new() { path = "pictures/b.png" }, problem = "p", solution = "s" },
            new() { id = "c", image = null, problem = "p", solution = "s" },
            new() { id = "d", image = new(), problem = "p", solution = "s" },
            new() { id = "e", image = new() { bytes = [] }, problem = "p", solution = "s" },
            new() { id = "f", image = new() { path = "pictures/absent.png" }, problem = "p", solution = "s" },
            new() { id = "g", image = new() { path = "../outside.png" }, problem = "p", solution = "s" },
            new() { id = "h", image = new() { bytes = Png }, problem = " ", solution = "s" },
            new() { id = "i", image = new() { bytes = Png }, problem = "p", solution = null },
        });

        (List<DatasetRow> rows, SkippedRows skipped) = await ReadAsync(SampleSources.Open(null, Folder));
        Assert.Equal(["a", "b", "c"], rows.Select(row => row.Id));
        Assert.Equal([1, 1, 0], rows.Select(row => row.Images.Count));
        Assert.All(rows.SelectMany(row => row.Images), image => Assert.Equal(Png, image.Bytes.ToArray()));
        Assert.Equal(["x", Path.GetFileName(Folder), Path.GetFileName(Folder)], rows.Select(row => row.Source));
        Assert.Equal(
            [
                ("d", SkipReasons.MissingImage), ("e", SkipReasons.MissingImage), ("f", SkipReasons.MissingImage),
                ("g", SkipReasons.ImageOutsideFolder), ("h", SkipReasons.EmptyQuestion), ("i", SkipReasons.MissingField),
            ],
            skipped.Rows.Select(row => (row.Row.Split("id ")[1][..1], row.Reason)));
    }

    [Fact]
    public async Task Aliases_integer_ids_and_lists_of_images()
    {
        string file = Path.Combine(Folder, "train.parquet");
        await TestParquet.WriteAsync(file, new TestParquet.ListRow[]
        {
            new() { id = 7, images = [new() { bytes = Png }, new() { bytes = Png, path = "n.png" }], question = "q", answer = "a" },
            new() { id = 8, images = [], question = "q", answer = "a" },
        });
        (List<DatasetRow> rows, SkippedRows skipped) = await ReadAsync(new ParquetSource([file]));
        Assert.Empty(skipped.Rows);
        Assert.Equal(["7", "8"], rows.Select(row => row.Id));
        Assert.Equal([2, 0], rows.Select(row => row.Images.Count));
        Assert.Equal("n.png", rows[0].Images[1].Name);
    }

    [Fact]
    public async Task Binary_base64_data_url_and_path_columns_with_names_of_their_own()
    {
        Write("scans/1.png", Png);
        await TestParquet.WriteAsync(Path.Combine(Folder, "a.parquet"), new TestParquet.BinaryRow[] { new() { image = Png, problem = "p", solution = "s" } });
        await TestParquet.WriteAsync(Path.Combine(Folder, "b.parquet"), new TestParquet.TextRow[]
        {
            new() { photo = Convert.ToBase64String(Png), ask = "1", reply = "s" },
            new() { photo = "data:image/png;base64," + Convert.ToBase64String(Png), ask = "2", reply = "s" },
            new() { photo = "scans/1.png", ask = "3", reply = "s" },
        });
        (List<DatasetRow> binary, _) = await ReadAsync(new ParquetSource([Path.Combine(Folder, "a.parquet")]));
        ColumnNames names = new(Image: "photo", Problem: "ask", Solution: "reply");
        (List<DatasetRow> text, SkippedRows skipped) = await ReadAsync(new ParquetSource([Path.Combine(Folder, "b.parquet")], names));
        Assert.Empty(skipped.Rows);
        Assert.Equal(3, text.Count);
        Assert.All(binary.Concat(text), row => Assert.Equal(Png, Assert.Single(row.Images).Bytes.ToArray()));
    }

    [Fact]
    public async Task A_data_set_without_image_column_must_say_so()
    {
        string file = Path.Combine(Folder, "train.parquet");
        await TestParquet.WriteAsync(file, new TestParquet.TextRow[] { new() { photo = "x", ask = "q", reply = "a" } });
        ColumnNames names = new(Problem: "ask", Solution: "reply");
        MedixException error = await Assert.ThrowsAsync<MedixException>(() => ReadAsync(new ParquetSource([file], names)));
        Assert.Contains("photo (string)", error.Message, StringComparison.Ordinal);
        (List<DatasetRow> rows, _) = await ReadAsync(new ParquetSource([file], names with { Image = ColumnNames.NoImages }));
        Assert.Empty(Assert.Single(rows).Images);
    }

    [Fact]
    public async Task A_missing_shard_is_named()
    {
        byte[] any = [1];
        Write("data/train-00000-of-00003.parquet", any);
        Write("data/train-00002-of-00003.parquet", any);
        MedixException error = await Assert.ThrowsAsync<MedixException>(() => ReadAsync(SampleSources.Open("parquet", Folder)));
        Assert.Contains("number 1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_single_flipped_byte_leads_to_another_exception()
    {
        string whole = Path.Combine(Folder, "whole.parquet"), flipped = Path.Combine(Folder, "flipped.parquet");
        await TestParquet.WriteAsync(whole, new TestParquet.ListRow[]
        {
            new() { id = 1, images = [new() { bytes = Png }], question = "q", answer = "a" },
            new() { id = 2, images = null, question = "q", answer = "a" },
        });
        byte[] bytes = await File.ReadAllBytesAsync(whole, Token);
        SeededRandom random = Seed.Random(20260101);
        int refused = 0;
        for (int trial = 0; trial < 200; trial++)
        {
            byte[] copy = [.. bytes];
            copy[random.NextInt(copy.Length)] ^= (byte)(1 << random.NextInt(8));
            await File.WriteAllBytesAsync(flipped, copy, Token);
            try
            {
                await ReadAsync(new ParquetSource([flipped]));
            }
            catch (MedixException)
            {
                refused++;
            }
        }

        Assert.True(refused > 30, $"only {refused} of 200 damaged files were refused");
    }
}
