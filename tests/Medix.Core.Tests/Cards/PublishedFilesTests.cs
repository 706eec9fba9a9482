using Medix.Core.Tests.Reports;
using Medix.Evaluation.Cards;
using Medix.Evaluation.Reports;
using Medix.Rewards;
using Medix.Runs.Licenses;
using Medix.Runs.Recipes;

namespace Medix.Core.Tests.Cards;

/// <summary>What goes out with a model holds neither credentials nor folders of the machine that trained it.</summary>
public sealed class PublishedFilesTests : IDisposable
{
    private const string Url = "https://me:pa55word@judge.example.org/v1?api_key=pa55word";
    private readonly string folder = Directory.CreateTempSubdirectory("medix-published-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Card_and_manifest_hold_no_secret()
    {
        LicenseVerdict licenses = LicenseCheck.Combine([new("weights", "mine", [LicenseTable.Named("mit")], "/home/someone/models/mine/README.md", "mit")]);
        ModelCardWriter.Write(Report(), licenses, folder);
        string card = AssertClean("README.md");
        AssertClean(ModelManifest.FileName);
        Assert.Contains("https://REMOVED@judge.example.org/v1?api_key=REMOVED", card, StringComparison.Ordinal);
        Assert.Contains("\"path\": \"set 1\"", card, StringComparison.Ordinal);
        ModelManifest manifest = ModelManifest.Read(folder);
        Assert.Equal(("mine", "jsonl set 1"), (manifest.Base.Id, manifest.Data.Source));
        Assert.Equal(card, ModelCard.Write(manifest));
        Assert.Empty(ModelManifest.Verify(folder));
    }

    [Fact]
    public void The_report_holds_no_secret_and_its_answers_word_for_word()
    {
        TrainReport report = Report();
        TrainReportWriter.Write(report, folder);
        string json = AssertClean("report.json"), page = AssertClean("report.html");
        Assert.Contains("https://REMOVED@judge.example.org/v1?api_key=REMOVED", page, StringComparison.Ordinal);
        Assert.Contains("\"run\": \"nano-1\"", json, StringComparison.Ordinal);
        Assert.Contains("seen at /usr/share/x in the picture", page, StringComparison.Ordinal);
        Assert.Equal(Url, report.Recipe.Reward.Judge!.Url); // only what is written is changed
    }

    private string AssertClean(string name)
    {
        string text = File.ReadAllText(Path.Combine(folder, name));
        Assert.All(["pa55word", "someone", "/data/", "/home/"], secret => Assert.DoesNotContain(secret, text, StringComparison.OrdinalIgnoreCase));
        return text;
    }

    private static TrainReport Report()
    {
        TrainReport report = FakeReport.Of(3);
        TrainRecipe recipe = report.Recipe with
        {
            Model = new ModelRecipe { Path = "/home/someone/models/mine" },
            Data = new DataRecipe { Kind = "jsonl", Path = "/data/Dr Someone/set 1" },
            Reward = new RewardRecipe { Judge = new EndpointRecipe { Url = Url, Model = "/home/someone/judge" }, EmbeddingModel = "/home/someone/embedder" },
        };
        Dictionary<string, int> unscored = new() { [$"judge: {Url} gave no answer"] = 3 };
        Transcript first = report.Transcripts[0] with
        {
            SampleId = "/data/Dr Someone/set 1/row 1",
            After = "seen at /usr/share/x in the picture",
            AfterReward = new RewardReport(null, [TermResult.Unscored("judge", $"{Url}: 401")]),
        };
        return report with
        {
            Run = "/home/someone/runs/nano-1",
            Recipe = recipe,
            Data = report.Data with { Source = "jsonl /data/Dr Someone/set 1", LeftOutExamples = ["/data/Dr Someone/set 1/p 7.png: cut short"] },
            HeldOut = report.HeldOut with { Unscored = unscored },
            Steps = [.. report.Steps.Select(step => step with { Unscored = unscored })],
            Model = report.Model with { Path = "/home/someone/models/mine" },
            JudgeName = "/home/someone/judge",
            EmbedderName = "embedder /home/someone/embedder",
            Transcripts = [first, .. report.Transcripts.Skip(1)],
        };
    }
}
