using Medix.Runs;

namespace Medix.Training.Losses;

/// <summary>
/// The objective of a policy update: per-token loss, averaging, KL penalty, with the analytic gradient with respect to the log-probabilities, which the
/// trainer hands to autograd as the gradient of its response log-probabilities. All in double precision.
/// </summary>
public static class PolicyObjective
{
    /// <summary>
    /// A micro-batch's share of the step's loss and gradient. Shares of all micro-batches computed with the step's <paramref name="scale"/> add up to the
    /// step, however it was cut; null takes the batch as the whole step.
    /// </summary>
    /// <exception cref="MedixException">
    /// A number on an unmasked token is not finite (names the rollout and the token), or the KL penalty lacks the reference.
    /// </exception>
    public static PolicyLossResult Compute(IPolicyLoss loss, PolicyBatch batch, PolicyLossOptions options, LossScale? scale = null)
    {
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(options);
        batch.Check();
        CheckOptions(batch, options);
        scale ??= LossScale.Of(batch);
        Step step = new(loss, batch, options, scale);
        for (int row = 0; row < batch.Rows; row++)
        {
            step.AddRow(row);
        }

        return step.Finish();
    }

    private static void CheckOptions(PolicyBatch batch, PolicyLossOptions options)
    {
        if (options.Kl is not null && batch.ReferenceLogProbs is null)
        {
            throw new MedixException("The loss has a KL penalty, but the batch carries no log-probabilities of a reference model. " +
                "Let the trainer compute them, or remove the penalty from the recipe.");
        }

        if (options is { Aggregation: LossAggregation.ConstantLength, ConstantLength: <= 0 })
        {
            throw new MedixException($"Averaging by constant length needs a length above 0, and the recipe says {options.ConstantLength}. " +
                "Set it to the response limit in tokens.");
        }
    }

    /// <summary>The state of one computation: buffers are as long as the longest row can be.</summary>
    private sealed class Step(IPolicyLoss loss, PolicyBatch batch, PolicyLossOptions options, LossScale scale)
    {
        private readonly double[] gradient = new double[batch.Mask.Length];
        private readonly int[] positions = new int[batch.Length];
        private readonly double[] logProbs = new double[batch.Length];
        private readonly double[] oldLogProbs = new double[batch.Length];
        private readonly double[] advantages = new double[batch.Length];
        private readonly TokenLoss[] results = new TokenLoss[batch.Length];
        private readonly MetricSums sums = new();

        public void AddRow(int row)
        {
            int count = Gather(row);
            if (count == 0)
            {
                return;
            }

            Span<TokenLoss> tokens = results.AsSpan(0, count);
            loss.Evaluate(new ResponseTokens(logProbs.AsSpan(0, count), oldLogProbs.AsSpan(0, count), advantages.AsSpan(0, count)), tokens);
            sums.AddClips(tokens);
            double weight = scale.TokenWeight(count, options);
            for (int t = 0; t < count; t++)
            {
                AddToken(t, tokens[t], weight);
            }
        }

        public PolicyLossResult Finish()
        {
            LossMetrics metrics = sums.Finish(options.CountEpsilon, batch.Entropies is not null);
            double total = metrics.PolicyLoss + ((options.Kl?.Coefficient ?? 0) * metrics.KlLoss);
            return new PolicyLossResult(total, gradient, metrics);
        }

        private void AddToken(int t, in TokenLoss token, double weight)
        {
            int position = positions[t];
            KlTerm kl = options.Kl is { } penalty ? KlTerm.Of(penalty.Estimator, logProbs[t], batch.ReferenceLogProbs![position]) : default;
            gradient[position] = weight * (token.Gradient + ((options.Kl?.Coefficient ?? 0) * kl.Derivative));
            sums.AddToken(token, weight, logProbs[t], oldLogProbs[t], kl.Value, batch.Entropies?[position] ?? 0);
        }

        /// <summary>Copies a row's unmasked tokens together, so that no formula ever meets padding.</summary>
        private int Gather(int row)
        {
            int count = 0;
            for (int position = row * batch.Length; position < (row + 1) * batch.Length; position++)
            {
                if (batch.Mask[position])
                {
                    positions[count] = position;
                    logProbs[count] = batch.LogProbs[position];
                    oldLogProbs[count] = batch.OldLogProbs[position];
                    advantages[count++] = batch.Advantages[position];
                }
            }

            return count;
        }
    }
}
