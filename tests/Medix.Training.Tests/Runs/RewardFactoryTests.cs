using Medix.Data;
using Medix.Rewards;
using Medix.Runs;
using Medix.Runs.Recipes;
using Medix.Weights;

namespace Medix.Training.Tests.Runs;

public sealed class RewardFactoryTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("medix-reward-").FullName;

    [Fact]
    public async Task A_local_embedder_scores_what_the_lexical_one_cannot()
    {
        File.WriteAllText(Path.Combine(folder, "dictionary.json"), """{"effusion": 0, "fluid": 1, "mass": 2}""");
        SafetensorsWriter.Write(Path.Combine(folder, "vectors.safetensors"), [TensorData.FromFloat32("w", [3, 2], [1, 0, 0.96f, 0.28f, 0, 1])]);
        using var local = new RewardFactory(new RewardRecipe { EmbeddingModel = folder }, ["effusion"]);
        using var lexical = new RewardFactory(new RewardRecipe(), ["effusion"]);
        Assert.Equal($"embedder {Path.GetFileName(folder)}", local.EmbedderName);
        Assert.Equal("lexical embedder", lexical.EmbedderName);
        double[] near = await EmbeddingTermsAsync(local, "fluid", "mass"), spelled = await EmbeddingTermsAsync(lexical, "fluid", "mass");
        Assert.Equal([1, 0], near);
        Assert.Equal([0, 0], spelled);
    }

    [Fact]
    public void A_folder_without_an_embedder_is_refused_at_once() =>
        Assert.Contains(folder, Assert.Throws<MedixException>(() => new RewardFactory(new RewardRecipe { EmbeddingModel = folder }, [])).Message, StringComparison.Ordinal);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static async Task<double[]> EmbeddingTermsAsync(RewardFactory factory, params string[] answers)
    {
        var sample = new Sample("1", [], [], "What is seen?", "effusion", null, "test", "1");
        RewardInput[] inputs = [.. answers.Select(answer => new RewardInput(sample, $"<think>A reason.</think><answer>{answer}</answer>"))];
        IReadOnlyList<RewardReport> reports = await factory.Reward.ScoreAsync(inputs, TestContext.Current.CancellationToken);
        return [.. reports.Select(report => report.Terms.Single(term => term.Term == RewardTerms.Embedding).Value)];
    }
}
