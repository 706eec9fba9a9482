using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Medix.Data;
using Medix.Evaluation;
using Medix.Evaluation.Reports;
using Medix.Evaluation.Reports.Figure;
using Medix.Evaluation.Reports.Page;
using Medix.Imaging;
using Medix.Rewards;
using Medix.Runs;

namespace Medix.Core.Tests.Reports;

public sealed class TrainReportWriterTests : IDisposable
{
    private const string Hostile = "</p></style>\"'><script>alert(1)</script><img src=\"http://evil.example/x\" onerror='alert(2)'>&amp;\u0017\ud800 end";

    private readonly string folder = Directory.CreateTempSubdirectory("medix-report-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void The_page_is_well_formed_and_has_every_section()
    {
        XElement page = Write(FakeReport.Of(40));
        string[] headings = [.. page.Descendants("h2").Select(h => h.Value)];
        Assert.Equal(
            [
                "Held-out composite reward", "Held-out samples, before and after", "Training, step by step", "Sample transcripts", "Data, and what was left out",
                "Time and tokens", "Recipe and model",
            ], headings);
        string[] charts = [.. page.Descendants("figure").Select(f => f.Descendants("h3").First().Value)];
        Assert.Equal(
            [
                "Reward", "Reward terms", "Response length", "Cut responses", "Entropy", "Gradient norm", "Clipped tokens", "Trainer against rollout",
                "Spread of rewards", "Groups", "Learning rate", "Warm start",
            ], charts);
        Assert.Equal(4, page.Descendants("article").Count());
        Assert.Contains(page.Descendants("meta"), m => m.Attribute("name")?.Value == "viewport" && m.Attribute("content")!.Value.Contains("width=device-width"));
    }

    [Fact]
    public void The_disclaimer_stands_at_the_top_and_over_the_transcripts()
    {
        XElement page = Write(FakeReport.Of(3));
        foreach (XElement part in new[] { page.Descendants("header").Single(), Section(page, "transcripts") })
        {
            Assert.Contains(part.Elements("p"), p => p.Value == TrainReport.Disclaimer);
        }
    }

    [Fact]
    public void Numbers_of_the_result_are_on_the_page()
    {
        string text = Write(FakeReport.Of(3)).Value;
        foreach (string part in new[]
        {
            "0.412", "0.687", "+0.275", "95 % interval +0.235 to +0.315", "paired p < 0.001", "300 of 300, 291 pictures", "rule judge", "lexical embedder",
            "Fundus photography", "Prompt longer than 256 tokens", "No spread",
            "Judge: no answer in time", "2,656,416", new string('c', 64), "12,600",
        })
        {
            Assert.Contains(part, text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Hostile_texts_stay_texts()
    {
        TrainReport report = FakeReport.Of(2);
        RewardReport reward = new(0, [TermResult.Unscored(Hostile, Hostile)]);
        XElement page = Write(report with
        {
            Run = "/runs/" + Hostile.Replace("/", "", StringComparison.Ordinal),
            JudgeName = Hostile,
            Data = report.Data with { Source = Hostile, LeftOutExamples = [Hostile], LeftOut = new Dictionary<string, int> { [Hostile] = 1 } },
            Transcripts = [new Transcript(Hostile, [new ImageSource(Hostile, default)], Hostile, Hostile, Hostile, Hostile, reward, $"<answer>{Hostile}</answer>", reward)],
            PhaseSeconds = new Dictionary<string, double> { [Hostile] = 1 },
            Model = report.Model with { Path = Hostile },
        });
        AssertSelfContained(page);
        string seen = Hostile.Replace('\u0017', '\ufffd').Replace('\ud800', '\ufffd');
        XElement article = page.Descendants("article").Single();
        Assert.Equal(seen, article.Descendants("h3").Single().Value);
        Assert.Contains(article.Descendants("p"), p => p.Value == seen);
    }

    [Fact]
    public void The_page_needs_nothing_from_outside() => AssertSelfContained(Write(FakeReport.Of(10)));

    [Fact]
    public void The_same_report_gives_the_same_bytes_and_no_other_files()
    {
        Write(FakeReport.Of(12));
        Dictionary<string, byte[]> first = Directory.GetFiles(folder).ToDictionary(f => Path.GetFileName(f), File.ReadAllBytes);
        Write(FakeReport.Of(12));
        Assert.Equal(["report.html", "report.json", "report.png"], Directory.GetFiles(folder).Select(f => Path.GetFileName(f)).Order());
        Assert.All(first, file => Assert.Equal(file.Value, File.ReadAllBytes(Path.Combine(folder, file.Key))));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 5)]
    [InlineData(1, 1)]
    [InlineData(2000, 0)]
    public void Any_length_of_run_gives_a_report(int steps, int warmStart)
    {
        XElement page = Write(FakeReport.Of(steps, warmStart));
        Assert.Equal((steps > 0 ? 11 : 0) + (warmStart > 0 ? 1 : 0), page.Descendants("figure").Count());
        AssertNoStrayNumbers(page);
    }

    [Fact]
    public void Missing_numbers_are_dashes_and_gaps()
    {
        TrainReport report = FakeReport.Of(30);
        Comparison none = FakeReport.Nothing("reward");
        XElement page = Write(report with
        {
            Steps = [.. report.Steps.Select((s, i) => s with { Reward = i % 3 == 0 ? double.NaN : s.Reward, Entropy = double.NaN, GradNorm = double.PositiveInfinity })],
            HeldOut = report.HeldOut with { Reward = none, Greedy = none, ModalityRecognition = none, Terms = [none], Modalities = [] },
            PhaseSeconds = new Dictionary<string, double>(),
            Seconds = 0,
            Transcripts = [],
        });
        AssertNoStrayNumbers(page);
        Assert.Contains("nothing can be said", page.Value, StringComparison.Ordinal);
        Assert.Contains("–", page.Descendants("tbody").First().Descendants("td").First().Value, StringComparison.Ordinal);
    }

    [Fact]
    public void Scored_not_applicable_and_unscored_terms_look_different()
    {
        XElement[] terms = [.. Write(FakeReport.Of(1)).Descendants("div").First(d => d.Attribute("class")?.Value == "answer before").Descendants("ul").First().Elements("li")];
        Assert.Equal(
            [("total unscored", "unscored"), (null, "0.000"), ("unscored", "unscored"), (null, "0.310"), ("not-applicable", "not applicable")],
            terms.Select(t => (t.Attribute("class")?.Value, t.Elements("span").Last().Value)));
    }

    [Fact]
    public void Reasoning_is_folded_away_and_the_answer_is_not()
    {
        XElement after = Write(FakeReport.Of(1)).Descendants("div").First(d => d.Attribute("class")?.Value == "answer after");
        Assert.Contains("bright round area", after.Elements("details").First().Value, StringComparison.Ordinal);
        Assert.Equal("upper left", after.Elements("p").First().Value);
    }

    [Fact]
    public void Pictures_are_small_and_unreadable_ones_are_said_to_be()
    {
        XElement page = Write(FakeReport.Of(1));
        XElement[] pictures = [.. page.Descendants("img")];
        Assert.Equal([(256, 256), (512, 329)], pictures.Select(i => ((int)i.Attribute("width")!, (int)i.Attribute("height")!)));
        Assert.All(pictures, picture =>
        {
            byte[] bytes = Convert.FromBase64String(picture.Attribute("src")!.Value.Split("base64,")[1]);
            Assert.Equal((int)picture.Attribute("width")!, ImageDecoding.ReadSize(bytes, "thumbnail").Width);
            Assert.NotEmpty(picture.Attribute("alt")!.Value);
        });
        Assert.Contains("This picture cannot be shown: broken.png", page.Value, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_of_few_samples_are_marked()
    {
        XElement[] rows = [.. Section(Write(FakeReport.Of(1)), "held-out").Descendants("tbody").Single().Elements("tr")];
        string[] marked = [.. rows.Where(r => r.Descendants("span").Any(s => s.Value == "few")).Select(r => r.Element("th")!.Value)];
        Assert.Equal(["Reward: Microscopy", "Reward: Modality not known"], marked);
    }

    [Fact]
    public void Numbers_are_written_for_machines_without_pictures()
    {
        TrainReport report = FakeReport.Of(7);
        Write(report);
        TrainReport read = JsonSerializer.Deserialize<TrainReport>(File.ReadAllText(Path.Combine(folder, "report.json")), EventLog.Lines)!;
        Assert.Equal(report.Steps.Select(s => s.Reward), read.Steps.Select(s => s.Reward));
        Assert.Equal(report.HeldOut.Reward, read.HeldOut.Reward);
        Assert.Equal(report.Transcripts.Select(t => t.After), read.Transcripts.Select(t => t.After));
        Assert.All(read.Transcripts, t => Assert.Empty(t.Images));
    }

    [Fact]
    public void The_figure_is_a_picture_of_this_run()
    {
        TrainReport report = FakeReport.Of(20);
        byte[] figure = SummaryFigure.Draw(report);
        Assert.Equal(new ImageSize(SummaryFigure.Width, SummaryFigure.Height), ImageDecoding.ReadSize(figure, "report.png"));
        Assert.NotEqual(figure, SummaryFigure.Draw(report with { Run = "/runs/other" }));
        Assert.NotEqual(figure, SummaryFigure.Draw(report with { Steps = [.. report.Steps.Select(s => s with { Reward = 1 - s.Reward })] }));
        Assert.NotEqual(figure, SummaryFigure.Draw(report with { HeldOut = report.HeldOut with { Greedy = FakeReport.Compare("greedy reward", 0.1, 0.2, 9) } }));
    }

    [Theory]
    [InlineData(0.2, 0.5, "The reward rose")]
    [InlineData(0.5, 0.2, "The reward fell")]
    [InlineData(0.5, 0.51, "No clear change")]
    public void The_verdict_follows_the_interval(double before, double after, string expected) =>
        Assert.StartsWith(expected, HeadlineSection.Verdict(FakeReport.Compare("reward", before, after, 50)), StringComparison.Ordinal);

    private XElement Write(TrainReport report)
    {
        TrainReportWriter.Write(report, folder);
        string html = File.ReadAllText(Path.Combine(folder, "report.html"));
        Assert.StartsWith("<!DOCTYPE html>", html, StringComparison.Ordinal);
        return XDocument.Parse(html, LoadOptions.PreserveWhitespace).Root!;
    }

    private static XElement Section(XElement page, string id) => page.Descendants("section").Single(s => s.Attribute("id")?.Value == id);

    private static void AssertSelfContained(XElement page)
    {
        Assert.DoesNotContain(page.Descendants(), e => e.Name.LocalName is "script" or "link" or "iframe" or "object" or "embed" or "base" or "form");
        Assert.DoesNotContain(page.Descendants().Attributes(), a => a.Name.LocalName.StartsWith("on", StringComparison.OrdinalIgnoreCase));
        Assert.All(page.Descendants().Attributes("src"), a => Assert.StartsWith("data:image/", a.Value, StringComparison.Ordinal));
        Assert.All(page.Descendants().Attributes("href"), a => Assert.StartsWith("#", a.Value, StringComparison.Ordinal));
        string style = page.Descendants("style").Single().Value;
        Assert.DoesNotMatch("(?i)url\\(|@import|[<>&]", style);
    }

    private static void AssertNoStrayNumbers(XElement page)
    {
        IEnumerable<string> all = page.Descendants().Attributes().Select(a => a.Value)
            .Concat(page.Descendants("body").Single().DescendantNodes().OfType<XText>().Select(t => t.Value));
        Assert.DoesNotContain(all, t => Regex.IsMatch(t, "NaN|Infinity|∞"));
    }
}
