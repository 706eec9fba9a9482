using System.Xml.Linq;
using Medix.Evaluation.Reports.Charts;
using static Medix.Evaluation.Reports.Page.Html;

namespace Medix.Evaluation.Reports.Page;

/// <summary>The answer to "did it learn?", with everything needed to doubt it.</summary>
internal static class HeadlineSection
{
    /// <summary>The card at the top.</summary>
    public static XElement Content(TrainReport report)
    {
        Comparison reward = report.HeldOut.Reward;
        return Tag(
            "section", Class("card"), At("aria-label", "Result"),
            Tag("h2", "Held-out composite reward"),
            Tag(
                "div", Class("hero"),
                Number("was", "before", Numbers.Score(reward.Before.Mean)),
                Number("is", "after", Numbers.Score(reward.After.Mean)),
                Number(reward.Difference.Low > 0 ? "rise" : reward.Difference.High < 0 ? "fall" : "flat", "difference", Numbers.Signed(reward.Difference.Mean))),
            IntervalChart.Draw(reward, 900, "on-wide"),
            IntervalChart.Draw(reward, 300, "on-narrow"),
            Tag("div", Class("ends"), At("aria-hidden", "true"), Tag("span", "0"), Tag("span", "1")),
            Tag("p", Class("verdict"), Verdict(reward)),
            Tag("p", Class("soft small"), Method(report)),
            Tag("dl", Class("facts"), Facts(report)));
    }

    /// <summary>What the interval allows to say, in one sentence.</summary>
    public static string Verdict(Comparison row)
    {
        if (row.Difference.Count == 0)
        {
            return "No held-out sample was scored both before and after, so nothing can be said.";
        }

        string numbers = $"difference {Numbers.Signed(row.Difference.Mean)}, 95 % interval {Numbers.SignedRange(row.Difference)}, paired p {Equal(row.PValue)}";
        return row.Difference.Low > 0 ? $"The reward rose ({numbers})."
            : row.Difference.High < 0 ? $"The reward fell ({numbers})."
            : $"No clear change ({numbers}): the interval includes zero.";
    }

    private static string Equal(double p) => p < 0.001 ? Numbers.PValue(p) : $"= {Numbers.PValue(p)}";

    private static string Method(TrainReport report)
    {
        HeldOutReport held = report.HeldOut;
        return $"The reward lies between 0 and 1. Each sample counts once: the mean of {Numbers.Count(held.Draws, "response")} "
            + $"drawn at temperature {Numbers.Short(held.Temperature)}. "
            + "The difference is paired by sample; intervals resample whole pictures, so that many questions on one picture do not count as many pictures.";
    }

    private static XElement Number(string look, string label, string value) => Tag(
        "div", Class(look), Tag("div", Class("soft small"), label), Tag("div", Class("figure"), value));

    private static IEnumerable<XElement> Facts(TrainReport report)
    {
        Comparison reward = report.HeldOut.Reward;
        string pictures = Numbers.Count(report.Data.HeldOutPictures, "picture");
        yield return Fact("Held-out samples compared", $"{Numbers.Count(reward.Difference.Count)} of {Numbers.Count(report.Data.HeldOutSamples)}, {pictures}");
        yield return Fact("Left out", reward.LeftOut == 0 ? "none" : $"{Numbers.Count(reward.LeftOut, "sample")} not scored on both sides");
        yield return Fact("Judged by", report.JudgeName);
        yield return Fact("Similarity by", report.EmbedderName);
    }

    private static XElement Fact(string name, string value) => Tag("div", Tag("dt", name), Tag("dd", value));
}
