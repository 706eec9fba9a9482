using CsCheck;
using Medix.Clients.Hub;
using Medix.Runs;

namespace Medix.Core.Tests.Clients.Hub;

public class HubPartsTests
{
    [Fact]
    public void Ranges_are_a_set_of_bytes() =>
        Gen.Select(Gen.Int[1, 60], Gen.Int[1, 20], Gen.Select(Gen.Int[0, 60], Gen.Int[0, 60]).Array[0, 12]).Sample((size, piece, pairs) =>
        {
            var ranges = new ByteRanges();
            var model = new HashSet<long>();
            foreach ((int a, int b) in pairs)
            {
                var range = new ByteRange(Math.Min(Math.Min(a, b), size), Math.Min(Math.Max(a, b), size));
                ranges.Add(range);
                model.UnionWith(Positions(range));
            }

            Assert.Equal(model.Count, ranges.Count);
            Assert.Equal(model.Order(), ranges.Items.SelectMany(Positions));
            Assert.All(ranges.Items.Zip(ranges.Items.Skip(1)), pair => Assert.True(pair.First.End < pair.Second.Start));

            ByteRange[] missing = [.. ranges.Missing(size, piece)];
            Assert.All(missing, m => Assert.InRange(m.Length, 1, piece));
            Assert.Equal(Enumerable.Range(0, size).Select(i => (long)i).Except(model), missing.SelectMany(Positions));
        });

    [Theory]
    [InlineData("*.json", "config.json", true)]
    [InlineData("*.json", "sub/config.json", true)]
    [InlineData("*.json", "config.json5", false)]
    [InlineData("model-0000[1-3]*", "model-00002-of-00009.safetensors", true)]
    [InlineData("model-0000[!1-3]*", "model-00002-of-00009.safetensors", false)]
    [InlineData("data/", "data/a/b.csv", true)]
    [InlineData("data", "data/a.csv", false)]
    [InlineData("a?c", "abc", true)]
    [InlineData("a?c", "ac", false)]
    [InlineData("[]x]y", "]y", true)]
    [InlineData("[ab", "[ab", true)]
    [InlineData("a.b+(c)", "a.b+(c)", true)]
    [InlineData("a.b", "axb", false)]
    [InlineData("README*", "readme.md", false)]
    [InlineData("[^a]", "^", true)]
    [InlineData(@"sub\x", "sub/x", true)]
    public void Patterns_match_as_the_Python_client_s(string pattern, string path, bool expected)
    {
        Assert.Equal(expected, new PathFilter([pattern], []).Takes(path));
        Assert.Equal(!expected, new PathFilter([], [pattern]).Takes(path));
    }

    [Fact]
    public void A_pattern_that_cannot_be_read_is_an_error() => Assert.Throws<MedixException>(() => new PathFilter(["[z-a]"], []));

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1000, "1.00 kB")]
    [InlineData(9_999, "10.0 kB")]
    [InlineData(99_960, "100 kB")]
    [InlineData(999_600, "1.00 MB")]
    [InlineData(4_268_000_000, "4.27 GB")]
    public void Bytes_are_shown_with_three_digits(long bytes, string expected) => Assert.Equal(expected, ByteSize.Show(bytes));

    [Theory]
    [InlineData("{}")]
    [InlineData("not json")]
    [InlineData("""{"size": 100, "done": [[50, 200]]}""")]
    [InlineData("""{"size": 100, "done": [[-1, 5]]}""")]
    [InlineData("""{"size": 100, "done": [[5]]}""")]
    [InlineData("""{"size": 99, "done": [[0, 50]]}""")]
    public void A_record_that_does_not_fit_says_nothing(string record)
    {
        string folder = Directory.CreateTempSubdirectory("medix-partial-").FullName;
        string path = Path.Combine(folder, "x.medix.incomplete");
        File.WriteAllBytes(path, new byte[100]);
        File.WriteAllText(path + ".ranges", record);
        using (var file = PartialFile.Open(path, 100, TimeProvider.System))
        {
            Assert.Equal(0, file.Done);
            Assert.Equal([new ByteRange(0, 60), new ByteRange(60, 100)], file.Missing(60));
        }

        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_partial_file_remembers_its_ranges()
    {
        string folder = Directory.CreateTempSubdirectory("medix-partial-").FullName;
        string path = Path.Combine(folder, "x.medix.incomplete");
        using (var file = PartialFile.Open(path, 100, TimeProvider.System))
        {
            Assert.Equal(100, new FileInfo(path).Length);
            await file.WriteAsync(70, new byte[] { 1, 2, 3 }, TestContext.Current.CancellationToken);
            await file.WriteAsync(10, new byte[20], TestContext.Current.CancellationToken);
        }

        using (var file = PartialFile.Open(path, 100, TimeProvider.System))
        {
            Assert.Equal([new ByteRange(0, 10), new ByteRange(30, 70), new ByteRange(73, 100)], file.Missing(1000));
        }

        Assert.Equal(3, File.ReadAllBytes(path)[72]);
        Directory.Delete(folder, recursive: true);
    }

    private static IEnumerable<long> Positions(ByteRange range) => Enumerable.Range((int)range.Start, (int)range.Length).Select(i => (long)i);
}
