using System.Text.Json;
using Medix.Data;
using Medix.Imaging;
using Medix.Runs;
using Medix.Testing;

namespace Medix.Core.Tests.Data;

public sealed class VqaRadTests : DataTest
{
    [Theory]
    [InlineData("Is this an MRI?", "yes", "PRES", "MRI_SCAN", null)]
    [InlineData("Is this an MRI?", "No", "MODALITY", null, "MRI_SCAN")]
    [InlineData("Was this image taken via MRI?", "no", "MODALITY", null, "MRI_SCAN")]
    [InlineData("Is this a CT of the abdomen?", "no", "MODALITY", null, null)]
    [InlineData("Is this a T1 weighted MRI?", "no", "MODALITY", null, null)]
    [InlineData("Is this a FLAIR image?", "no", "MODALITY", null, null)]
    [InlineData("Is this a FLAIR image?", "yes", "MODALITY", "MRI_SCAN", null)]
    [InlineData("Is this MRI with contrast?", "no", "MODALITY", "MRI_SCAN", null)]
    [InlineData("Was this image taken with an ultrasound scanner?", "no", "MODALITY", null, "ULTRASOUND")]
    [InlineData("Is this a standing CXR", "no", "MODALITY", null, null)]
    [InlineData("is this an AP CXR", "yes", "MODALITY", "X_RAY", null)]
    [InlineData("Is the chest x-ray normal?", "No", "ABN", "X_RAY", null)]
    [InlineData("Does this CT show bleeding?", "No", "PRES", "CT_SCAN", null)]
    [InlineData("What type of imaging does this not represent?", "ultrasound", "MODALITY", null, null)]
    [InlineData("Is this an MRI or a CT scan?", "MRI", "MODALITY", "MRI_SCAN", null)]
    [InlineData("Is this a T1 weighted, T2 weighted, or FLAIR image?", "FLAIR", "MODALITY", "MRI_SCAN", null)]
    [InlineData("What type of MRI is this?", "T2", "MODALITY", "MRI_SCAN", null)]
    [InlineData("What modality is used?", "XR", "MODALITY", "X_RAY", null)]
    [InlineData("What modality is used?", "plain film", "MODALITY", "X_RAY", null)]
    [InlineData("What modality is this?", "ultrasound", "MODALITY", "ULTRASOUND", null)]
    [InlineData("Is this an AP or PA film?", "PA", "PLANE", "X_RAY", null)]
    [InlineData("Is this a PA film?", "yes", "PLANE", "X_RAY", null)]
    [InlineData("Is this a PA film?", "no", "PLANE", null, null)]
    [InlineData("How can you tell this is a T2 weighted image?", "CSF is white", "OTHER", "MRI_SCAN", null)]
    [InlineData("What is better identified on a PA CXR vs a lateral CXR?", "Right pathology", "OTHER", null, null)]
    [InlineData("What is the best MRI weighting for ring enhancing lesions?", "T2", "OTHER", null, null)]
    [InlineData("Is there contrast in this image?", "yes", "MODALITY", null, null)]
    [InlineData("Is the T2 vertebra fractured?", "yes", "PRES", null, null)]
    [InlineData("Where is the lesion?", "next to the MR", "POS", null, null)]
    public void Evidence_is_read_with_care(string question, string answer, string type, string? speaksFor, string? against) =>
        Assert.Equal(new ModalityEvidence(speaksFor, against), ModalityReader.Read(question, answer, type));

    [Fact]
    public void Contradiction_gives_no_tag_and_organs_help_only_where_text_bears_them_out()
    {
        List<VqaRadQuestion> questions = [.. Enumerable.Range(0, 12).Select(i => Question($"c{i}", "CHEST", "Is the chest x-ray normal?", "no"))];
        questions.AddRange(Enumerable.Range(0, 12).Select(i => Question($"h{i}", "HEAD", "Is this an MRI or a CT?", i % 2 == 0 ? "MRI" : "CT")));
        questions.AddRange(Enumerable.Range(0, 3).Select(i => Question($"a{i}", "ABD", "Is this a CT?", "yes")));
        questions.Add(Question("chest", "CHEST", "Is there a mass?", "no"));
        questions.Add(Question("chest-not", "CHEST", "Is this an x-ray?", "no"));
        questions.Add(Question("head", "HEAD", "Is there a mass?", "no"));
        questions.Add(Question("head-not", "HEAD", "Is this a CT scan?", "no"));
        questions.Add(Question("abd", "ABD", "Is there a mass?", "no"));
        questions.Add(Question("both", "HEAD", "Is this an MRI?", "yes"));
        questions.Add(Question("both", "HEAD", "What modality is this?", "CT"));
        questions.Add(Question("yes-and-no", "HEAD", "Is this an MRI?", "yes"));
        questions.Add(Question("yes-and-no", "HEAD", "Is this an MRI?", "no"));
        IReadOnlyDictionary<string, ModalityFinding> found = ModalityFindings.Infer(questions);
        (string, string?, ModalityBasis)[] expected =
        [
            ("c0", "X_RAY", ModalityBasis.Text), ("chest", "X_RAY", ModalityBasis.Organ), ("chest-not", null, ModalityBasis.None),
            ("head", null, ModalityBasis.None), ("head-not", "MRI_SCAN", ModalityBasis.Organ), ("abd", null, ModalityBasis.None),
            ("both", null, ModalityBasis.Conflict), ("yes-and-no", null, ModalityBasis.Conflict),
        ];
        Assert.All(expected, row => Assert.Equal((row.Item2, row.Item3), (found[row.Item1].Modality, found[row.Item1].Basis)));
    }

    [Fact]
    public async Task The_public_files_are_read_whole()
    {
        string folder = SharedFiles.Require("data", "vqa-rad");
        JsonElement[] items = await ItemsAsync(folder);
        (List<DatasetRow> rows, SkippedRows skipped) = await ReadAsync(SampleSources.Open(null, folder));
        Assert.Empty(skipped.Rows);
        Assert.Equal(items.Select(item => $"vqa-rad-{Text(item, "qid")}"), rows.Select(row => row.Id));
        foreach ((JsonElement item, DatasetRow row) in items.Zip(rows))
        {
            Assert.Equal(Squeeze(Text(item, "answer")), Solution.Parse(row.Solution, out _).Answer);
            Assert.Equal(Squeeze(Text(item, "question")), row.Problem);
            Assert.EndsWith(Text(item, "image_name"), row.Images[0].Name, StringComparison.Ordinal);
            Assert.Equal(new QuestionNotes(Text(item, "question_type"), Text(item, "answer_type"), Text(item, "image_organ")), row.Notes);
        }
    }

    [Fact]
    public async Task Organ_and_text_agree_everywhere_in_the_public_files()
    {
        string folder = SharedFiles.Require("data", "vqa-rad");
        IReadOnlyList<VqaRadQuestion> questions = await VqaRadFile.ReadAsync(folder, new SkipLog(), Token);
        IReadOnlyDictionary<string, ModalityFinding> found = ModalityFindings.Infer(questions);
        ILookup<string, string> byOrgan = questions.Where(question => found[question.ImageName!].Basis == ModalityBasis.Text)
            .ToLookup(question => question.Organ!, question => found[question.ImageName!].Modality!);
        // The measured ground for using an organ: all text about chests says X-ray, all about abdomens CT; heads are CT or MRI.
        Assert.Equal(["X_RAY"], byOrgan["CHEST"].Distinct());
        Assert.Equal(["CT_SCAN"], byOrgan["ABD"].Distinct());
        Assert.Equal(["CT_SCAN", "MRI_SCAN"], byOrgan["HEAD"].Distinct().Order());
        Assert.DoesNotContain(found.Values, finding => finding.Basis == ModalityBasis.Conflict);
        Assert.True(found.Values.Count(finding => finding.Modality is not null) > found.Count / 2);
    }

    [Fact]
    public async Task Split_by_case_shares_no_picture_and_no_case()
    {
        string folder = SharedFiles.Require("data", "vqa-rad");
        SampleSet set = await SampleSet.LoadAsync(new VqaRadSource(folder), PromptTemplate.Load("bare"), ImageChecks.Header(new ImageLimits()), Token);
        SampleSplit split = SplitBy.Key(set.Samples, 0.2, 7);
        JsonElement[] items = await ItemsAsync(folder);
        Dictionary<string, string> cases = items.ToDictionary(item => $"vqa-rad-{Text(item, "qid")}", item => Text(item, "image_case_url"));
        Assert.Empty(split.Train.Select(sample => sample.Images[0].Name).Intersect(split.HeldOut.Select(sample => sample.Images[0].Name)));
        Assert.Empty(split.Train.Select(sample => cases[sample.Id]).Intersect(split.HeldOut.Select(sample => cases[sample.Id])));
        Assert.Equal(set.Samples.Count, split.Train.Count + split.HeldOut.Count);
    }

    [Fact]
    public async Task Import_writes_jsonl_that_reads_back_as_the_same_set()
    {
        string folder = SharedFiles.Require("data", "vqa-rad");
        JsonElement[] items = await ItemsAsync(folder);
        string target = Path.Combine(Folder, "out");
        VqaRadImport import = await VqaRadImporter.ImportAsync(folder, target, Token);
        Assert.Equal(items.Length, import.Rows);
        Assert.Equal(items.Select(item => Text(item, "image_name")).Distinct().Count(), import.Images);
        Assert.Equal(import.Images, Directory.GetFiles(Path.Combine(target, "images")).Length);
        Assert.Equal((import.Rows, import.Images), (import.Modalities.Sum(count => count.Questions), import.Modalities.Sum(count => count.Images)));
        Assert.Equal(import.Images, import.Bases.Values.Sum());
        Assert.Equal([target], Directory.GetFileSystemEntries(Folder));
        PromptTemplate bare = PromptTemplate.Load("bare");
        SampleSet direct = await SampleSet.LoadAsync(new VqaRadSource(folder), bare, null, Token);
        SampleSet imported = await SampleSet.LoadAsync(SampleSources.Open(null, target), bare, null, Token);
        Assert.Equal(direct.Hash, imported.Hash);
        Assert.Equal(
            direct.Samples.Select(sample => (sample.SplitKey, sample.Source, sample.Notes)),
            imported.Samples.Select(sample => (sample.SplitKey, sample.Source, sample.Notes)));
        foreach (ModalityCount count in import.Modalities)
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"{count.Modality}: {count.Images} images, {count.Questions} questions");
        }
    }

    [Fact]
    public async Task An_import_leaves_a_used_folder_alone_and_nothing_behind()
    {
        string target = Path.GetDirectoryName(Write("out/mine.txt", "x"))!;
        MedixException error = await Assert.ThrowsAsync<MedixException>(() => VqaRadImporter.ImportAsync(Folder, target, Token));
        Assert.Contains("not empty", error.Message, StringComparison.Ordinal);
        Write($"in/{VqaRadFile.PublicName}", """[{"qid": 1, "image_name": "no.jpg", "question": "q", "answer": "a"}]""");
        Directory.CreateDirectory(Path.Combine(Folder, "in", "images"));
        await Assert.ThrowsAsync<MedixException>(() => VqaRadImporter.ImportAsync(Path.Combine(Folder, "in"), Path.Combine(Folder, "new"), Token));
        Assert.Equal(["in", "out"], Directory.GetFileSystemEntries(Folder).Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task Bad_items_are_counted_and_bad_files_refused()
    {
        Write("images/a.jpg", Png);
        string json = Write(VqaRadFile.PublicName, """
            [{"qid": 1, "image_name": "a.jpg", "question": " Where\t is it? ", "answer": 4, "image_organ": "NULL"}, 5,
             {"qid": 2, "question": "q", "answer": "a"}, {"qid": 3, "image_name": "b.jpg", "question": "q", "answer": "a"},
             {"qid": 4, "image_name": "../a.jpg", "question": "q", "answer": "a"}, {"qid": 5, "image_name": "../../a.jpg", "question": "q", "answer": "a"},
             {"qid": 6, "image_name": "a.jpg", "question": "", "answer": "a"}, {"qid": 7, "image_name": "a.jpg", "question": "q"}]
            """);
        (List<DatasetRow> rows, SkippedRows skipped) = await ReadAsync(new VqaRadSource(Folder));
        Assert.Equal(("vqa-rad-1", "Where is it?", "4", (string?)null), (rows[0].Id, rows[0].Problem, rows[0].Solution, rows[0].Notes?.BodyPart));
        Assert.Equal(
            [
                SkipReasons.NotJson, SkipReasons.MissingField, SkipReasons.MissingImage, SkipReasons.MissingImage, SkipReasons.ImageOutsideFolder,
                SkipReasons.EmptyQuestion, SkipReasons.MissingField,
            ],
            skipped.Rows.Select(row => row.Reason));
        foreach (string text in new[] { "{}", "[", "<html>" })
        {
            await File.WriteAllTextAsync(json, text, Token);
            Assert.Contains(json, (await Assert.ThrowsAsync<MedixException>(() => ReadAsync(new VqaRadSource(Folder)))).Message, StringComparison.Ordinal);
        }
    }

    private static VqaRadQuestion Question(string image, string organ, string question, string answer) =>
        new("item", "1", image, null, organ, question, "PRES", answer, "CLOSED");

    private static async Task<JsonElement[]> ItemsAsync(string folder)
    {
        using JsonDocument json = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(folder, VqaRadFile.PublicName), Token));
        return [.. json.RootElement.EnumerateArray().Select(item => item.Clone())];
    }

    private static string Text(JsonElement item, string name) => item.GetProperty(name).ToString().Trim();

    private static string Squeeze(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
