using System.Xml.Linq;
using Medix.Evaluation.Reports.Charts;
using static Medix.Evaluation.Reports.Page.Html;

namespace Medix.Evaluation.Reports.Page;

/// <summary>The curves of a run.</summary>
internal static class TrainingSection
{
    /// <summary>What the charts of a run show.</summary>
    public static IEnumerable<XElement?> Content(TrainReport report)
    {
        if (report.Steps.Count == 0 && report.WarmStart.Count == 0)
        {
            yield return Tag("p", Class("soft"), "This run made no training steps.");
            yield break;
        }

        int window = Series.Window(report.Steps.Count);
        string bold = window > 1 ? $"Bold lines are means over {window} neighbouring steps, faint lines the steps themselves. " : "";
        yield return report.Steps.Count == 0
            ? Tag("p", Class("soft"), "This run made no reinforcement-learning steps, only the supervised warm start.")
            : Tag("p", Class("soft"), bold + "These are training responses: they show how the run went, not how good the model is.");
        yield return Tag("div", Class("charts"), Charts(report));
    }

    private static IEnumerable<XElement> Charts(TrainReport report)
    {
        if (report.Steps.Count > 0)
        {
            yield return Chart(report, "Reward", "Mean composite reward of the responses drawn, 0 to 1.", Of(report, "reward", s => s.Reward)).Figure(wide: true);
            yield return Chart(report, "Reward terms", "Mean of each term where it was scored.", [.. TermSeries(report)]).Figure(wide: true);
            foreach (LineChart chart in Details(report))
            {
                yield return chart.Figure();
            }
        }

        if (report.WarmStart.Count > 0)
        {
            Series loss = new("loss", [.. report.WarmStart.Select(w => (double)w.Step)], [.. report.WarmStart.Select(w => w.Loss)]);
            yield return new LineChart("Warm start", "Loss per response token of the supervised steps, in nats.", [loss], "supervised step").Figure();
        }
    }

    private static IEnumerable<LineChart> Details(TrainReport report) =>
    [
        Chart(report, "Response length", "Mean tokens per response.", Of(report, "tokens", s => s.MeanLength)),
        Chart(report, "Cut responses", "Share of responses cut at the token limit.", Of(report, "share", s => s.ClippedRatio)),
        Chart(report, "Entropy", "Of the next-token distributions, in nats. Near 0 the policy no longer explores.", Of(report, "entropy", s => s.Entropy)),
        Chart(report, "Gradient norm", "Before it is limited.", Of(report, "norm", s => s.GradNorm)),
        Chart(
            report, "Clipped tokens", "Share of tokens whose probability ratio met the clip range.",
            Of(report, "below", s => s.ClipRatioLow), Of(report, "above", s => s.ClipRatioHigh)),
        Chart(
            report, "Trainer against rollout", "Absolute difference of the log-probabilities of trainer and rollout engine; it should stay near 0.",
            Of(report, "mean", s => s.LogprobDifferenceMean), Of(report, "largest", s => s.LogprobDifferenceMax)),
        Chart(report, "Spread of rewards", "Standard deviation over the responses of a step.", Of(report, "deviation", s => s.RewardStd)),
        Chart(report, "Groups", "Groups of responses that moved the policy, and those filtered, by reason.", [.. GroupSeries(report)]),
        Chart(report, "Learning rate", "Of the optimizer.", Of(report, "rate", s => s.LearningRate)),
    ];

    /// <summary>One series per reward term, in the order in which terms first appear.</summary>
    public static IEnumerable<Series> TermSeries(TrainReport report) => report.Steps.SelectMany(s => s.Terms.Keys).Distinct()
        .Select(term => Of(report, Labels.Of(term), s => s.Terms.TryGetValue(term, out double value) ? value : double.NaN));

    /// <summary>One value per step.</summary>
    public static Series Of(TrainReport report, string name, Func<StepEvent, double> value) =>
        new(name, [.. report.Steps.Select(s => (double)s.Step)], [.. report.Steps.Select(value)]);

    private static IEnumerable<Series> GroupSeries(TrainReport report) =>
        report.Steps.SelectMany(s => s.GroupsFiltered.Keys).Distinct().Order(StringComparer.Ordinal)
            .Select(reason => Of(report, reason, s => s.GroupsFiltered.GetValueOrDefault(reason)))
            .Prepend(Of(report, "kept", s => s.GroupsKept));

    private static LineChart Chart(TrainReport report, string title, string note, params Series[] series) =>
        new(title, note, series.Length > 0 ? series : [Of(report, "none", _ => double.NaN)]);
}
