using System.Text.RegularExpressions;
using Medix.Evaluation.Reports;
using Medix.Runs;
using Medix.Runs.Licenses;
using Medix.Runs.Recipes;

namespace Medix.Evaluation.Cards;

/// <summary>
/// The model card of a manifest: the template in <c>Resources/model-card.md</c> with its places filled. Only the manifest goes in, so a card can be
/// written again from it.
/// </summary>
public static partial class ModelCard
{
    /// <summary>The whole text of <c>README.md</c>.</summary>
    public static string Write(ModelManifest manifest)
    {
        // One pass over the template: a value that looks like a place stays a value.
        return Place().Replace(Resource("model-card.md"), place => place.Groups[1].Value switch
        {
            "front-matter" => CardFacts.FrontMatter(manifest),
            "title" => Markdown.Text(manifest.Recipe.Name),
            "disclaimer" => TrainReport.Disclaimer,
            "summary" => Summary(manifest),
            "intended-use" => manifest.IntendedUse,
            "limitations" => manifest.Limitations,
            "evaluation" => Evaluation(manifest.Evaluation),
            "training" => Training(manifest),
            "data" => Data(manifest.Data),
            "recipe" => RecipeLoader.ToJson(manifest.Recipe),
            "licence" => Licence(manifest.Licenses),
            var other => throw new InvalidOperationException($"The model card's template has a place {other} that nothing fills."),
        }) + "\n";
    }

    /// <summary>A text of the cards, without the newline at its end.</summary>
    internal static string Resource(string name)
    {
        using Stream stream = typeof(ModelCard).Assembly.GetManifestResourceStream($"Medix.Evaluation.Cards.Resources.{name}")
            ?? throw new InvalidOperationException($"The assembly carries no resource {name}.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().TrimEnd('\n');
    }

    private static string Summary(ModelManifest manifest)
    {
        string made = CardFacts.BaseName(manifest) is not { } name ? "A new Qwen3-VL model"
            : manifest.Adapter ? $"A LoRA adapter of {Markdown.Text(name)}" : $"{Markdown.Text(name)}, trained further";
        return $"{made}: {Numbers.Count(manifest.Recipe.Steps, "step")} of reinforcement learning with {Markdown.Text(manifest.Algorithm.ToUpperInvariant())} on "
            + $"{Markdown.Text(CardFacts.DataName(manifest))}, made by Medix {manifest.MedixVersion}. {Outcome(manifest.Evaluation.Reward)}";
    }

    private static string Outcome(Comparison reward) => reward.After.Count == 0
        ? "Nothing could be measured on held-out samples."
        : $"On {Numbers.Count(reward.After.Count, "held-out sample")} its mean reward is {Cell(reward.After)}, before training {Cell(reward.Before)}: "
            + $"a difference of {Difference(reward.Difference)} (95 % intervals).{LeftOut(reward)}";

    private static string LeftOut(Comparison measured) => measured.LeftOut == 0 ? ""
        : $" {Numbers.Count(measured.LeftOut, "sample")} more could not be scored on both sides and count in no number; the reasons are below.";

    private static string Evaluation(ManifestEvaluation held)
    {
        string sampled = $"{Numbers.Count(held.Draws, "draw")} at temperature {Yaml.Number(held.Temperature)}";
        string[] head = ["Measure", "Answers", "Before", "After", "Difference", "p", "Samples", "Left out"];
        string measures = Markdown.Table(head,
        [
            Row("**Composite reward**", sampled, held.Reward),
            Row("**Composite reward**", "greedy", held.Greedy),
            .. held.Terms.Select(term => Row($"{Markdown.Text(Labels.Of(term.Name))} term", sampled, term)),
            Row("Modality recognised", sampled, held.ModalityRecognition),
        ]);
        string modalities = Markdown.Table(["Modality", .. head[1..]], held.Modalities.Select(m => Row(Markdown.Text(Labels.Of(m.Name)), sampled, m)));
        return $"{held.Method}\n\n{measures}\n\nComposite reward by modality:\n\n{modalities}\n\n{Reasons("Answers not scored, before and after together", held.Unscored)}";
    }

    private static string[] Row(string name, string answers, Comparison c) =>
    [
        name, answers, Cell(c.Before), Cell(c.After), Difference(c.Difference), Markdown.Text(Numbers.PValue(c.PValue)), Numbers.Count(c.After.Count), Numbers.Count(c.LeftOut),
    ];

    private static string Training(ModelManifest manifest) => Markdown.Table(["", ""],
    [
        ["Base model", manifest.Recipe.Model.Create is null ? Markdown.Text(manifest.Base.Id) : "none: new random weights"],
        ["Base weights SHA-256", BaseHash(manifest.Base)],
        ["Parameters", Numbers.Count(manifest.Base.Parameters)],
        ["Algorithm", Markdown.Text(manifest.Algorithm)],
        ["Judge", Markdown.Text(manifest.Judge)],
        ["Embedder", Markdown.Text(manifest.Embedder)],
        ["Supervised steps before", Numbers.Count(manifest.Recipe.WarmStart.Steps)],
        ["Seed", manifest.Seed.ToString(System.Globalization.CultureInfo.InvariantCulture)],
        ["Time", Numbers.Duration(manifest.Seconds)],
        ["Largest memory", Numbers.Bytes(manifest.PeakMemoryBytes)],
        ["Medix", manifest.MedixVersion],
    ]);

    private static string BaseHash(ManifestBase model) => model.Files is { Count: > 1 } files
        ? $"{model.Sha256}, over the SHA-256 of its {Numbers.Count(files.Count, "file")}, which the manifest lists" : model.Sha256;

    private static string Data(ManifestData data) =>
        $"{Markdown.Text(data.Source)}: {Numbers.Count(data.TrainingSamples, "training sample")} and {Numbers.Count(data.HeldOutSamples, "held-out sample")} "
        + $"that share no picture. SHA-256 of the samples: {data.Sha256}.\n\n{Reasons("Rows left out", data.LeftOut)}";

    private static string Reasons(string what, IReadOnlyDictionary<string, int> counts)
    {
        KeyValuePair<string, int>[] some = [.. counts.Where(c => c.Value > 0).OrderByDescending(c => c.Value).ThenBy(c => c.Key, StringComparer.Ordinal)];
        return some.Length == 0 ? $"{what}: none." : $"{what}:\n\n{Markdown.List(some.Select(c => $"{Numbers.Count(c.Value)} x {Markdown.Text(c.Key)}"))}";
    }

    private static string Licence(ManifestLicenses licenses) => LicenseSection.Body(
        licenses.Derivative, licenses.Conflict, licenses.Parts.Select(p => (string[])[p.Kind, p.Name, p.License, p.ReadFrom, p.Stated]), licenses.Warnings);

    private static string Cell(Estimate e) => e.Count == 0 ? Numbers.None : $"{Numbers.Score(e.Mean)} ({Numbers.Range(e)})";

    private static string Difference(Estimate e) => e.Count == 0 ? Numbers.None : $"{Numbers.Signed(e.Mean)} ({Numbers.SignedRange(e)})";

    [GeneratedRegex(@"\{\{([a-z-]+)\}\}")]
    private static partial Regex Place();
}
