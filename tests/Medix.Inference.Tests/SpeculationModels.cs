using Medix.Inference.Generation;
using Medix.Inference.Generation.Speculation;
using Medix.Inference.Kernels;
using Medix.Inference.Qwen3VL;
using Medix.Text;
using Medix.Weights;

namespace Medix.Inference.Tests;

/// <summary>What the tests of speculative decoding share.</summary>
internal static class SpeculationModels
{
    /// <summary>Too small to cross a page's border; the prompts of other tests do.</summary>
    public static IReadOnlyList<ModelInput> Inputs { get; } =
    [
        RandomModels.WithImage(9, 4, 6, 1),
        RandomModels.Text(1, 3),
        Repeating(70, 4),
        RandomModels.WithImage(30, 8, 2, 5),
    ];

    public static Qwen3VLConfig Smaller { get; } = RandomModels.Seeing with
    {
        Text = RandomModels.Seeing.Text with { Hidden = 32, Layers = 2, Intermediate = 40 },
        Vision = RandomModels.Seeing.Vision! with { OutHidden = 32, DeepstackIndexes = [0] },
    };

    /// <summary>Two passages, over and over, with something else between them.</summary>
    public static ModelInput Repeating(int tokens, ulong seed)
    {
        int[] random = RandomModels.Text(tokens, seed).Tokens;
        return new ModelInput([.. Enumerable.Range(0, tokens).Select(i => i % 14 < 11 ? random[i % 14] : random[i])], [], []);
    }

    /// <summary>The same parameters with some noise: a draft model that is often, but not always, right.</summary>
    public static Qwen3VLModel Near(float noise, Qwen3VLConfig? config = null, ulong seed = 1)
    {
        Dictionary<string, float[]> parameters = RandomModels.Parameters(config ?? RandomModels.Seeing, seed);
        Dictionary<string, float[]> other = RandomModels.Parameters(config ?? RandomModels.Seeing, seed + 1);
        foreach ((string name, float[] values) in parameters)
        {
            for (int i = 0; i < values.Length; i++)
            {
                values[i] += noise * (other[name][i] - values[i]);
            }
        }

        return Qwen3VLModel.FromParameters(config ?? RandomModels.Seeing, name => parameters[name], WeightStorage.Fp32, WorkerPool.Shared);
    }

    public static Completion Plain(Qwen3VLModel model, ModelInput input, SamplingOptions options, ulong seed) =>
        new BatchedGenerator(model).Generate([new GenerationRequest(input, [seed])], options, null, TestContext.Current.CancellationToken)[0][0];

    public static SpeculativeCompletion Speculative(Qwen3VLModel model, ITokenProposer proposer, ModelInput input, SamplingOptions options, ulong seed) =>
        new SpeculativeGenerator(model, proposer).Generate(input, options, seed, null, TestContext.Current.CancellationToken);

    public static void AssertSame(Completion expected, Completion actual)
    {
        Assert.Equal(expected.Tokens, actual.Tokens);
        Assert.Equal(expected.LogProbs, actual.LogProbs);
        Assert.Equal(expected.SampledLogProbs, actual.SampledLogProbs);
        Assert.Equal(expected.RawLogProbs, actual.RawLogProbs);
        Assert.Equal(expected.FinishReason, actual.FinishReason);
    }
}

/// <summary>Guesses a known continuation, each token wrong with a probability: every pattern of acceptance and rejection.</summary>
internal sealed class ScriptedProposer(int[] continuation, int promptLength, double wrong, ulong seed, int most = 7) : ITokenProposer
{
    private readonly Medix.Runs.SeededRandom random = Medix.Runs.Seed.Random(seed);

    public bool Ended { get; private set; }

    public int MostTokens => most;

    public void Begin(ProposalContext context) => Ended = false;

    public void Propose(ReadOnlySpan<int> text, Proposal proposal)
    {
        int count = random.NextInt(proposal.Room + 1);
        for (int i = 0; i < count && text.Length - promptLength + i < continuation.Length; i++)
        {
            int token = continuation[text.Length - promptLength + i];
            proposal.Add(random.NextDouble() < wrong ? (token + 1) % RandomModels.Vocabulary : token);
        }
    }

    public void End() => Ended = true;
}
