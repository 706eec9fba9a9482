using System.Runtime.CompilerServices;
using Medix.Data;
using Medix.Imaging;
using Medix.Runs;
using Medix.Text;

namespace Medix.Core.Tests.Data;

public sealed class SampleSetTests : DataTest
{
    private static readonly PromptTemplate Bare = PromptTemplate.Load("bare");

    [Theory]
    [InlineData("<CT_SCAN>\nLeft lung", "CT_SCAN", "Left lung")]
    [InlineData("<ct_scan> 12.5 mm ", "CT_SCAN", "12.5 mm")]
    [InlineData("No", null, "No")]
    [InlineData("<5 mm", null, "<5 mm")]
    [InlineData("a <b> c", null, "a <b> c")]
    public void Solutions_come_apart(string text, string? modality, string answer)
    {
        Solution solution = Solution.Parse(text, out string? unknown);
        Assert.Equal((modality, answer, null), (solution.Modality, solution.Answer, unknown));
    }

    [Fact]
    public async Task Rows_that_no_sample_can_be_made_of_are_skipped_with_their_reasons()
    {
        ImageSource good = new("good.png", Png), cut = new("cut.png", Png.AsMemory(0, 40));
        SampleSet set = await LoadAsync(
            new DatasetRow("ok", [good], "p", "<X_RAY>\ns", "t"),
            new DatasetRow("tag", [good], "p", "<MRI>\ns", "t"),
            new DatasetRow("empty", [good], "p", "<X_RAY>\n ", "t"),
            new DatasetRow("cut", [cut], "p", "s", "t"),
            new DatasetRow("markers", [good], "<image><image>p", "s", "t"),
            new DatasetRow("nothing", [good], "<image> ", "s", "t"));
        Assert.Equal("ok", Assert.Single(set.Samples).Id);
        Assert.Equal(
            [
                ("tag", SkipReasons.UnknownTag), ("empty", SkipReasons.EmptyAnswer), ("cut", SkipReasons.DamagedImage),
                ("markers", SkipReasons.ImageMarkers), ("nothing", SkipReasons.EmptyQuestion),
            ],
            set.Skipped.Rows.Select(row => (row.Row, row.Reason)));
    }

    [Fact]
    public async Task An_image_above_the_limit_is_skipped_by_either_check()
    {
        ImageLimits limits = new(MaxSide: 16384, MaxPixels: 0);
        foreach (ImageCheck check in new[] { ImageChecks.Decode(limits), ImageChecks.Header(limits) })
        {
            MedixException error = await Assert.ThrowsAsync<MedixException>(() => SampleSet.LoadAsync(
                new ListSource([new DatasetRow("a", [new ImageSource("a.png", Png)], "p", "s", "t")]), Bare, check, Token));
            Assert.Contains(SkipReasons.DamagedImage, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Each_distinct_picture_is_checked_once()
    {
        int calls = 0;
        ImageSource Picture(int i) => new($"{i}", new[] { (byte)(i % 3) });
        DatasetRow[] rows = [.. Enumerable.Range(0, 9).Select(i => new DatasetRow($"{i}", [Picture(i)], "p", "s", "t"))];
        ImageCheck check = image => throw new MedixException($"bad {calls++}");
        MedixException error = await Assert.ThrowsAsync<MedixException>(() => SampleSet.LoadAsync(new ListSource(rows), Bare, check, Token));
        Assert.Equal(3, calls);
        Assert.StartsWith("None of the 9 rows", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Repeated_ids_are_made_distinct()
    {
        SampleSet set = await LoadAsync([.. new[] { "a", "a", "b", "a", "a#2" }.Select(id => new DatasetRow(id, [], $"p{id}", "s", "t"))]);
        Assert.Equal(["a", "a#2", "b", "a#3", "a#2#2"], set.Samples.Select(sample => sample.Id));
    }

    [Fact]
    public async Task The_hash_sees_ids_texts_modality_and_image_bytes_but_not_the_template_or_names()
    {
        DatasetRow row = new("a", [new ImageSource("n", Png)], "p", "<X_RAY>\ns", "t");
        string hash = (await LoadAsync(row)).Hash;
        Assert.Equal(64, hash.Length);
        Assert.Equal(hash, (await LoadAsync(row with { Images = [new ImageSource("other", Png)] })).Hash);
        Assert.Equal(hash, (await SampleSet.LoadAsync(new ListSource([row]), PromptTemplate.Load("medical"), null, Token)).Hash);
        DatasetRow[] others =
        [
            row with { Id = "b" }, row with { Problem = "q" },
            row with { Solution = "<X_RAY>\nt" }, row with { Solution = "<CT_SCAN>\ns" }, row with { Solution = "s" },
            row with { Images = [] }, row with { Images = [new ImageSource("n", Png.Concat(new byte[1]).ToArray())] },
        ];
        string[] hashes = [.. await Task.WhenAll(others.Select(async other => (await SampleSet.LoadAsync(new ListSource([other]), Bare, null, Token)).Hash))];
        Assert.Equal(others.Length + 1, hashes.Append(hash).Distinct().Count());
    }

    [Fact]
    public void Fields_cannot_run_into_each_other_in_the_hash()
    {
        Sample sample = MakeSample("ab", "k") with { Question = "c" };
        Assert.NotEqual(
            SampleSet.Create([sample], SkippedRows.None).Hash,
            SampleSet.Create([sample with { Id = "a", Question = "bc" }], SkippedRows.None).Hash);
    }

    [Fact]
    public async Task Images_stand_at_the_start_or_at_their_markers()
    {
        ImageSource a = new("a", Png), b = new("b", Png);
        SampleSet set = await LoadAsync(
            new DatasetRow("none", [], "Which?", "s", "t"),
            new DatasetRow("start", [a, b], "Which?", "s", "t"),
            new DatasetRow("marked", [a, b], "Left <image> or right <image>?", "s", "t"));
        Assert.Equal(["Which?", "[image][image]Which?", "Left [image] or right [image]?"], set.Samples.Select(Show));
        Assert.Equal(["Which?", "Which?", "Left   or right  ?"], set.Samples.Select(sample => sample.Question));
    }

    [Theory]
    [InlineData("medical")]
    [InlineData("short")]
    [InlineData("bare")]
    public async Task Built_in_templates_ask_for_the_whole_format(string name)
    {
        SampleSet set = await SampleSet.LoadAsync(
            new ListSource([new DatasetRow("a", [new ImageSource("a", Png)], "Where is the {question}?", "s", "t")]), PromptTemplate.Load(name), null, Token);
        string text = Show(set.Samples[0]);
        Assert.StartsWith("[image]", text, StringComparison.Ordinal);
        Assert.EndsWith("Where is the {question}?", text, StringComparison.Ordinal);
        string[] needed = [.. Modalities.All.Select(tag => $"<{tag}>"), "<thinking>", "</thinking>", "<answer>", "</answer>"];
        Assert.All(needed, word => Assert.Equal(name != "bare", text.Contains(word, StringComparison.Ordinal)));
    }

    [Fact]
    public void A_template_without_place_for_the_question_is_an_error()
    {
        string path = Write("mine.txt", "Answer: {question}");
        Assert.Equal("mine", PromptTemplate.Load(path).Name);
        Assert.Throws<MedixException>(() => PromptTemplate.Load(Write("bad.txt", "Answer.")));
        Assert.Contains("medical, short, bare", Assert.Throws<MedixException>(() => PromptTemplate.Load("none")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Too_long_prompts_are_skipped_with_their_count()
    {
        SampleSet set = await LoadAsync(
            new DatasetRow("short", [], "a b", "s", "t"), new DatasetRow("long", [], "a b c d", "s", "t"), new DatasetRow("bad", [], "x", "s", "t"));
        int Count(Sample sample) => sample.Question == "x" ? throw new MedixException("cannot count") : sample.Question.Split(' ').Length;
        SampleSet kept = TokenBudget.Check(set, Count, 2);
        Assert.Equal("short", Assert.Single(kept.Samples).Id);
        Assert.Equal(
            [("long", SkipReasons.TooManyTokens), ("bad", SkipReasons.DamagedImage)], kept.Skipped.Rows.Select(row => (row.Row, row.Reason)));
        Assert.Contains("4 > 2", kept.Skipped.Rows[0].Detail, StringComparison.Ordinal);
        Assert.NotEqual(set.Hash, kept.Hash);
        Assert.Throws<MedixException>(() => TokenBudget.Check(set, _ => 3, 2));
    }

    private static Task<SampleSet> LoadAsync(params DatasetRow[] rows) =>
        SampleSet.LoadAsync(new ListSource(rows), Bare, ImageChecksOrNone(rows), Token);

    private static ImageCheck? ImageChecksOrNone(DatasetRow[] rows) =>
        rows.Any(row => row.Id == "cut") ? ImageChecks.Decode(new ImageLimits()) : null;

    private static string Show(Sample sample) =>
        string.Concat(Assert.Single(sample.Messages).Parts.Select(part => part is TextPart text ? text.Text : "[image]"));

    private sealed class ListSource(DatasetRow[] rows) : ISampleSource
    {
        public string Name => "list";

        public async IAsyncEnumerable<DatasetRow> ReadAsync(SkipLog skipped, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            foreach (DatasetRow row in rows)
            {
                await Task.Yield();
                yield return row;
            }
        }
    }
}
