using Medix.Evaluation.Reports;
using Medix.Runs;
using Medix.Runs.Licenses;

namespace Medix.Evaluation.Cards;

/// <summary>The front matter of a model card: what the Hub's search, licence field and results table read.</summary>
internal static class CardFacts
{
    private const string Task = "image-text-to-text";

    /// <summary>The lines between the two fences.</summary>
    public static string FrontMatter(ModelManifest manifest)
    {
        string data = DataName(manifest);
        return string.Join('\n',
        [
            .. LicenseSection.FrontMatter(manifest.Licenses.Derivative, manifest.Licenses.Conflict),
            .. Base(manifest),
            .. Yaml.List("datasets", [data]),
            Yaml.Pair("library_name", manifest.Adapter ? "peft" : "transformers"),
            Yaml.Pair("pipeline_tag", Task),
            .. Yaml.List(
                "tags",
                ["medix", "qwen3_vl", "medical", "reinforcement-learning", manifest.Algorithm, .. manifest.Adapter ? ["lora"] : Array.Empty<string>(), "not-for-clinical-use"]),
            .. Results(manifest, data),
        ]);
    }

    /// <summary>The data set's Hub id or name.</summary>
    public static string DataName(ModelManifest manifest) =>
        manifest.Recipe.Data.Kind == "phantoms" || manifest.Recipe.Data.Path is null ? "medix-phantoms" : HubId.OrName(manifest.Recipe.Data.Path);

    /// <summary>The base model's Hub id or name; null where the run made the model new.</summary>
    public static string? BaseName(ModelManifest manifest) => manifest.Recipe.Model.Create is null ? HubId.OrName(manifest.Base.Id) : null;

    private static IEnumerable<string> Base(ModelManifest manifest) => BaseName(manifest) is not { } name ? [] :
    [
        Yaml.Pair("base_model", name),
        Yaml.Pair("base_model_relation", manifest.Adapter ? "adapter" : "finetune"),
    ];

    /// <summary>The <c>model-index</c>: numbers after training. Left out where nothing was scored, because it may not be empty.</summary>
    private static IEnumerable<string> Results(ModelManifest manifest, string data)
    {
        ManifestEvaluation held = manifest.Evaluation;
        string sampled = $"sampled at temperature {Yaml.Number(held.Temperature)}, {Numbers.Count(held.Draws, "draw")}";
        string[] metrics =
        [
            .. Metric("reward", "Composite reward", held.Reward, sampled),
            .. Metric("greedy_reward", "Composite reward", held.Greedy, "greedy"),
            .. held.Terms.SelectMany(term => Metric($"{term.Name}_reward", $"{Labels.Of(term.Name)} term of the reward", term, sampled)),
            .. Metric("modality_recognition", "Modality recognised", held.ModalityRecognition, sampled),
        ];
        return metrics.Length == 0 ? [] :
        [
            "model-index:",
            $"- name: {Yaml.Text(manifest.Recipe.Name)}",
            "  results:",
            "  - task:",
            $"      type: {Yaml.Text(Task)}",
            "    dataset:",
            $"      type: {Yaml.Text(data)}",
            $"      name: {Yaml.Text($"{data}, held-out pictures")}",
            "      split: \"held-out\"",
            "    metrics:",
            .. metrics,
        ];
    }

    private static string LeftOut(Comparison measured) => measured.LeftOut == 0 ? "" : $", {Numbers.Count(measured.LeftOut)} left out";

    private static IEnumerable<string> Metric(string type, string name, Comparison measured, string how) => !double.IsFinite(measured.After.Mean) ? [] :
    [
        $"    - type: {Yaml.Text(type)}",
        $"      value: {Yaml.Number(measured.After.Mean)}",
        "      name: " + Yaml.Text(
            $"{name}, {how} (95 % interval {Yaml.Number(measured.After.Low)} to {Yaml.Number(measured.After.High)}, {measured.After.Count} samples{LeftOut(measured)})"),
    ];
}
