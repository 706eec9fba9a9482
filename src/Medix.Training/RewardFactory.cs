using Medix.Clients;
using Medix.Inference.Embedder;
using Medix.Judging;
using Medix.Rewards;
using Medix.Runs.Recipes;
using Microsoft.Extensions.AI;

namespace Medix.Training;

/// <summary>The composite reward of a recipe, and the names that reports give its judge and embedder.</summary>
public sealed class RewardFactory : IDisposable
{
    private readonly List<IDisposable> owned = [];

    /// <summary>Builds the reward; the lexical embedder is fitted on the training references.</summary>
    /// <exception cref="Runs.MedixException">Weights or endpoints cannot be used.</exception>
    public RewardFactory(RewardRecipe recipe, IEnumerable<string> trainingReferences)
    {
        bool original = recipe.Mode == "medix-r1";
        Judge judge = recipe.Judge is null ? Judge.ByRules() : Judge.ByModel(
            Own(new OpenAiChatClient(Http(recipe.Judge), recipe.Judge.Model)),
            new ModelJudgeOptions { MaxConcurrency = recipe.Judge.Concurrency, Protocol = original ? JudgeProtocol.MedixR1 : JudgeProtocol.Strict });
        LocalEmbedder? local = recipe.EmbeddingModel is null ? null : Own(EmbedderFolder.Open(recipe.EmbeddingModel));
        IEmbeddingGenerator<string, Embedding<float>> embedder = local is not null ? local
            : recipe.Embedding is null ? LexicalEmbedder.Fit(trainingReferences)
            : Own(new OpenAiEmbeddingClient(Http(recipe.Embedding), recipe.Embedding.Model));
        JudgeName = judge.Name;
        EmbedderName = (local?.Info.Name ?? recipe.Embedding?.Model) is { } model ? $"embedder {model}" : "lexical embedder";
        Reward = CompositeReward.Create(OptionsOf(recipe, original), judge, embedder);
    }

    /// <summary>The reward.</summary>
    public CompositeReward Reward { get; }

    /// <summary>For reports: <c>rule judge</c>, or the model judge's name.</summary>
    public string JudgeName { get; }

    /// <summary>For reports: <c>lexical embedder</c>, or the name of the local or the endpoint's model.</summary>
    public string EmbedderName { get; }

    /// <inheritdoc />
    public void Dispose() => owned.ForEach(o => o.Dispose());

    private static RewardOptions OptionsOf(RewardRecipe recipe, bool original) => original
        ? new RewardOptions { Mode = RewardMode.MedixR1, FormatWeight = recipe.FormatWeight }
        : new RewardOptions
        {
            FormatWeight = recipe.FormatWeight,
            JudgeWeight = recipe.JudgeWeight,
            EmbeddingWeight = recipe.EmbeddingWeight,
            ModalityWeight = recipe.ModalityWeight,
            SimilarityThreshold = recipe.EmbeddingThreshold,
        };

    private HttpClient Http(EndpointRecipe endpoint) => Own(EndpointHttp.Create(new EndpointOptions
    {
        Url = endpoint.Url,
        Model = endpoint.Model,
        KeyVariable = endpoint.ApiKeyVariable,
        TimeoutSeconds = endpoint.TimeoutSeconds,
        Retries = endpoint.Tries - 1,
    }));

    private T Own<T>(T item) where T : IDisposable
    {
        owned.Add(item);
        return item;
    }
}
