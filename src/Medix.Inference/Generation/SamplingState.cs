using Medix.Inference.Generation.Constraints;
using Medix.Runs;

namespace Medix.Inference.Generation;

/// <summary>
/// Everything that one draw's sampling depends on beside the logits: options, randomness, its tokens so far. <see cref="TokenSampler"/> reads it,
/// <see cref="Accept"/> moves it on; neither allocates.
/// </summary>
internal sealed class SamplingState
{
    private readonly TokenVocabulary? vocabulary;
    private readonly Dictionary<int, int>? places;
    private readonly int[] seen = [];
    private readonly int[] counts = [];
    private readonly KeyValuePair<int, float>[] bias;
    private int distinct;

    /// <summary>The state before the first token. The vocabulary is needed for stop strings and constraints only.</summary>
    public SamplingState(
        SamplingOptions options, ulong seed, ReadOnlySpan<int> prompt = default, TokenVocabulary? vocabulary = null, IReadOnlyList<int>? endTokens = null)
    {
        Options = options;
        Random = Seed.Random(seed);
        InverseTemperature = options.Temperature == 0 ? 1f : 1f / options.Temperature;
        EndTokens = endTokens ?? [];
        bias = [.. options.LogitBias];
        this.vocabulary = vocabulary;
        Stops = options.StopStrings.Count > 0 ? new StopMatcher(options.StopStrings) : null;
        Constraint = options.Constraint?.Start(vocabulary ?? throw new InvalidOperationException("A constraint needs a vocabulary."));
        if (options.CountsTokens)
        {
            int room = prompt.Length + options.MaxNewTokens;
            (places, seen, counts) = (new Dictionary<int, int>(room), new int[room], new int[room]);
            foreach (int token in prompt)
            {
                PlaceOf(token);
            }
        }
    }

    public SamplingOptions Options { get; }

    public SeededRandom Random { get; }

    /// <summary>What logits are multiplied by; 1 for greedy draws, whose log-probabilities are those at 1.</summary>
    public float InverseTemperature { get; }

    public IReadOnlyList<int> EndTokens { get; }

    public StopMatcher? Stops { get; }

    public ConstraintState? Constraint { get; }

    /// <summary>Counts the token and moves the stop strings and the constraint on; null if generation goes on.</summary>
    public FinishReason? Accept(int token)
    {
        if (places is not null)
        {
            counts[PlaceOf(token)]++;
        }

        for (int i = 0; i < EndTokens.Count; i++)
        {
            if (EndTokens[i] == token)
            {
                return FinishReason.Stop;
            }
        }

        Constraint?.Accept(token);
        return Stops is not null && Stops.Accept(vocabulary![token]) ? FinishReason.StopString : null;
    }

    /// <summary>Applies bias and penalties to logits [vocabulary].</summary>
    public void Adjust(Span<float> logits)
    {
        foreach ((int token, float added) in bias)
        {
            logits[token] += added;
        }

        for (int i = 0; i < distinct; i++)
        {
            ref float logit = ref logits[seen[i]];
            logit = logit > 0 ? logit / Options.RepetitionPenalty : logit * Options.RepetitionPenalty;
            logit -= (counts[i] * Options.FrequencyPenalty) + (counts[i] > 0 ? Options.PresencePenalty : 0);
        }
    }

    private int PlaceOf(int token)
    {
        if (!places!.TryGetValue(token, out int place))
        {
            place = distinct++;
            places.Add(token, place);
            seen[place] = token;
        }

        return place;
    }
}
