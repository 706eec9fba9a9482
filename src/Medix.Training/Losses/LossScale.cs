namespace Medix.Training.Losses;

/// <summary>How token losses become one number.</summary>
public enum LossAggregation
{
    /// <summary>Mean over all tokens: a long response weighs more (DAPO).</summary>
    Token,

    /// <summary>Mean over responses of each response's token mean (GRPO's paper, GSPO).</summary>
    Sequence,

    /// <summary>Sum over tokens, divided by the number of responses times a constant length (Dr. GRPO): free of length bias.</summary>
    ConstantLength,
}

/// <summary>
/// What the losses of one optimiser step are divided by, counted over the whole step. Every micro-batch is computed with the step's scale, so its loss and
/// gradient are already its share and simply add up: the step is the same however it is cut into micro-batches.
/// </summary>
/// <param name="Tokens">Unmasked tokens of the step.</param>
/// <param name="Sequences">Responses of the step that have a token.</param>
public sealed record LossScale(long Tokens, int Sequences)
{
    /// <summary>Counts the micro-batches of one step.</summary>
    public static LossScale Of(params ReadOnlySpan<PolicyBatch> batches)
    {
        long tokens = 0;
        int sequences = 0;
        foreach (PolicyBatch batch in batches)
        {
            for (int row = 0; row < batch.Rows; row++)
            {
                int count = batch.TokensOf(row);
                tokens += count;
                sequences += count > 0 ? 1 : 0;
            }
        }

        return new LossScale(tokens, sequences);
    }

    /// <summary>The scale from the response lengths of the step, before any batch is collated.</summary>
    public static LossScale OfLengths(params ReadOnlySpan<int> lengths)
    {
        long tokens = 0;
        int sequences = 0;
        foreach (int length in lengths)
        {
            tokens += length;
            sequences += length > 0 ? 1 : 0;
        }

        return new LossScale(tokens, sequences);
    }

    /// <summary>The weight of each token of a response that has <paramref name="tokens"/> tokens.</summary>
    internal double TokenWeight(int tokens, PolicyLossOptions options) => options.Aggregation switch
    {
        LossAggregation.Sequence => 1 / (Sequences * (tokens + options.CountEpsilon)),
        LossAggregation.ConstantLength => 1 / ((double)Sequences * options.ConstantLength),
        _ => 1 / (Tokens + options.CountEpsilon),
    };
}
