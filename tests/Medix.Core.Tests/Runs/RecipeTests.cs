using System.Text.Json.Nodes;
using Medix.Runs;
using Medix.Runs.Recipes;

namespace Medix.Core.Tests.Runs;

public class RecipeTests
{
    private static MedixException Refused(string json) => Assert.Throws<MedixException>(() => RecipeLoader.Bind((JsonObject)JsonNode.Parse(json)!, "test"));

    private static TrainRecipe Accepted(string json) => RecipeLoader.Bind((JsonObject)JsonNode.Parse(json)!, "test");

    [Fact]
    public void What_a_file_leaves_out_keeps_its_default() =>
        Assert.Equal(RecipeLoader.ToJson(new TrainRecipe { Steps = 7 }), RecipeLoader.ToJson(Accepted("""{"steps": 7}""")));

    [Fact]
    public void An_unknown_key_names_the_nearest_known_one()
    {
        MedixException e = Refused("""{"optimizer": {"learningrate": 0.1}}""");
        Assert.Contains("optimizer.learningrate", e.Message, StringComparison.Ordinal);
        Assert.Contains("\"learningRate\"", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_errors_come_together()
    {
        MedixException e = Refused("""{"steps": -1, "seeed": 2, "algorithm": {"preset": "dappo"}, "rollout": {"draws": "many"}, "reward": {"judgeWeight": 0.9}}""");
        foreach (string part in new[] { "5 errors", "steps: found -1", "\"seed\"", "\"dapo\"", "rollout.draws", "sum to" })
        {
            Assert.Contains(part, e.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("""{"steps": 1.5}""", "a whole number")]
    [InlineData("""{"steps": null}""", "null")]
    [InlineData("""{"model": "nano"}""", "an object")]
    [InlineData("""{"data": {"modalities": ["X_RAI"]}}""", "X_RAY")]
    [InlineData("""{"data": {"modalities": "X_RAY"}}""", "a list")]
    [InlineData("""{"data": {"kind": "vqa-rad"}}""", "data.path: missing")]
    [InlineData("""{"reward": {"judge": {"url": "localhost"}}}""", "reward.judge.url")]
    [InlineData("""{"reward": {"embeddingModel": "/nowhere"}}""", "reward.embeddingModel: there is no folder \"/nowhere\"")]
    [InlineData("""{"reward": {"embeddingModel": "/", "embedding": {}}}""", "reward.embeddingModel: found beside reward.embedding")]
    [InlineData("""{"name": "../x"}""", "it names a folder")]
    [InlineData("""{"seed": -3}""", "seed")]
    public void A_wrong_value_is_refused_with_what_was_expected(string json, string part) => Assert.Contains(part, Refused(json).Message, StringComparison.Ordinal);

    [Fact]
    public void Changes_are_applied_and_bare_words_are_texts()
    {
        TrainRecipe recipe = RecipeLoader.Load("quickstart", ["steps=3", "name=abc", "optimizer.learningRate=1e-5", "reward.judge.url=http://localhost:1/v1"]);
        Assert.Equal((3, "abc", 1e-5, "http://localhost:1/v1"), (recipe.Steps, recipe.Name, recipe.Optimizer.LearningRate, recipe.Reward.Judge!.Url));
    }

    [Fact]
    public void A_recipe_written_whole_reads_back_equal()
    {
        TrainRecipe recipe = RecipeLoader.Load("quickstart", []);
        string json = RecipeLoader.ToJson(recipe);
        Assert.Equal(json, RecipeLoader.ToJson(Accepted(json)));
    }

    [Theory]
    [InlineData("quickstrat", "quickstart")]
    [InlineData("{", "not valid JSON")]
    public void A_missing_or_broken_recipe_says_so(string nameOrText, string part)
    {
        string name = nameOrText;
        if (nameOrText == "{")
        {
            name = Path.GetTempFileName();
            File.WriteAllText(name, nameOrText);
        }

        Assert.Contains(part, Assert.Throws<MedixException>(() => RecipeLoader.Load(name, [])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "", 0)]
    [InlineData("abc", "", 3)]
    [InlineData("learningRate", "learnignRate", 1)]
    [InlineData("kitten", "sitting", 3)]
    public void Edit_distance_counts_swaps_once(string a, string b, int distance) => Assert.Equal(distance, NearestName.Distance(a, b));
}
