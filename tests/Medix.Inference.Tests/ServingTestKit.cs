using Medix.Inference.Generation;
using Medix.Inference.Qwen3VL;
using Medix.Inference.Serving;
using Medix.Text;

namespace Medix.Inference.Tests;

/// <summary>Requests for servers, and what the generator draws for them, each by itself.</summary>
internal static class ServingTestKit
{
    public static SamplingOptions Sampling { get; } = new(MaxNewTokens: 60, Temperature: 0.8f, TopP: 0.95f, TopK: 40);

    public static ServerOptions NoCaches { get; } = new() { PrefixBytes = 0, ImageBytes = 0 };

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>The first tokens of one input and then those of another.</summary>
    public static ModelInput Join(ModelInput head, params int[] tail) => head with { Tokens = [.. head.Tokens, .. tail] };

    public static Completion Alone(Qwen3VLModel model, ModelInput input, SamplingOptions options, ulong seed, TokenVocabulary? vocabulary = null) =>
        new BatchedGenerator(model, 1, vocabulary).Generate([new GenerationRequest(input, [seed])], options, null, Token)[0][0];

    public static void AssertSame(Completion expected, Completion actual)
    {
        Assert.Equal(expected.Tokens, actual.Tokens);
        Assert.Equal(expected.LogProbs, actual.LogProbs);
        Assert.Equal(expected.SampledLogProbs, actual.SampledLogProbs);
        Assert.Equal(expected.FinishReason, actual.FinishReason);
    }

    /// <summary>Sends requests while the server waits, so that it finds all of them at once.</summary>
    public static async Task TogetherAsync(GenerationServer server, Func<Task[]> send)
    {
        using ManualResetEventSlim sent = new();
        Task held = server.ChangeModelAsync(_ => sent.Wait(Token), Token);
        Task[] tasks = send();
        sent.Set();
        await held;
        await Task.WhenAll(tasks);
    }

    public static async Task<List<GeneratedToken>> ReadAsync(IAsyncEnumerable<GeneratedToken> stream)
    {
        List<GeneratedToken> tokens = [];
        await foreach (GeneratedToken token in stream)
        {
            tokens.Add(token);
        }

        return tokens;
    }
}
