using System.Text.Json;
using System.Xml.Linq;
using Medix.Runs;
using Medix.Runs.Recipes;
using static Medix.Evaluation.Reports.Page.Html;

namespace Medix.Evaluation.Reports.Page;

/// <summary>What someone else needs to do it again: the recipe with all defaults, and which model came in and out.</summary>
internal static class IdentitySection
{
    /// <summary>Model, recipe in words, recipe in full.</summary>
    public static IEnumerable<XElement?> Content(TrainReport report)
    {
        ModelIdentity model = report.Model;
        yield return Tag(
            "dl", Class("facts"),
            Fact("Model", model.Path), Fact("Parameters", Numbers.Count(model.Parameters)),
            Fact("SHA-256 of the weights before", Tag("code", model.WeightsBefore)), Fact("SHA-256 of the weights after", Tag("code", model.WeightsAfter)));
        yield return Tag("dl", Class("facts"), Words(report.Recipe));
        yield return Tag(
            "details", Tag("summary", "The whole recipe, defaults filled in"),
            Tag("pre", At("tabindex", "0"), Tag("code", JsonSerializer.Serialize(report.Recipe, EventLog.Indented))));
    }

    private static IEnumerable<XElement> Words(TrainRecipe recipe)
    {
        RolloutRecipe rollout = recipe.Rollout;
        OptimizerRecipe optimizer = recipe.Optimizer;
        yield return Fact("Algorithm", recipe.Algorithm.Preset.ToUpperInvariant());
        string each = $"{Numbers.Count(rollout.Draws, "response")} each, up to {Numbers.Count(rollout.MaxNewTokens, "token")}";
        yield return Fact("Each step", $"{Numbers.Count(rollout.PromptsPerStep, "prompt")}, {each}");
        yield return Fact("Temperature", Numbers.Short(rollout.Temperature));
        yield return Fact("Learning rate", $"{Numbers.Short(optimizer.LearningRate)}, {optimizer.Schedule}");
        yield return Fact("Reward", $"{recipe.Reward.Mode} mode");
        yield return Fact("Seed", recipe.Seed.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    private static XElement Fact(string name, object value) => Tag("div", Tag("dt", name), Tag("dd", value));
}
