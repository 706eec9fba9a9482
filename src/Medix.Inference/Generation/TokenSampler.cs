using System.Numerics;
using System.Runtime.Intrinsics;
using Medix.Inference.Kernels;
using Medix.Runs;

namespace Medix.Inference.Generation;

/// <summary>A drawn token and its log-probabilities, as <see cref="Completion"/> names them; the raw one is NaN unless asked for.</summary>
internal readonly record struct SampledToken(int Id, float LogProb, float SampledLogProb, float RawLogProb);

/// <summary>
/// Draws tokens from logits: constraint, bias and penalties, then temperature, then top-k (ties kept), then top-p over what is left (the token that crosses the
/// threshold is kept; Holtzman et al., arXiv 1904.09751), then min-p. Holds scratch memory only, one sampler per thread; what a draw depends on is in its
/// <see cref="SamplingState"/>, so that draws of different options take turns at one sampler.
/// </summary>
internal sealed unsafe class TokenSampler(int vocabulary, int[] banned)
{
    private const int Block = 256;

    private readonly float[] weights = new float[vocabulary];
    private readonly float[] kept = new float[vocabulary];
    private readonly int[] ids = new int[vocabulary];
    private readonly float[] hidden = new float[banned.Length];

    /// <summary>Draws one token and leaves the logits as they were, since other draws of the same prompt may share them.</summary>
    public SampledToken Sample(Span<float> logits, SamplingState state)
    {
        Normaliser raw = state.Options.WithRawLogProbs ? NormaliserOf(logits, 1f) : new Normaliser(0, float.NaN, 1);
        for (int i = 0; i < banned.Length; i++)
        {
            hidden[i] = logits[banned[i]];
            logits[banned[i]] = float.NegativeInfinity;
        }

        SampledToken token = state.Options.KeepsLogits ? SampleAsIs(logits, state) : SampleAdjusted(logits, state);
                for (int i = 0; i < banned.Length; i++)
        {
            logits[banned[i]] = hidden[i];
        }

        return token with { RawLogProb = raw.LogProb(logits[token.Id]) };
    }

    private SampledToken SampleAsIs(Span<float> logits, SamplingState state)
    {
        Normaliser normaliser = NormaliserOf(logits, state.InverseTemperature);
        if (state.Options.Temperature == 0)
        {
            int best = logits.IndexOf(normaliser.Max);
            return new SampledToken(best, normaliser.LogProb(logits[best]), 0, float.NaN);
        }

        (int id, double mass) = Draw(state, normaliser.Sum);
        float logProb = normaliser.LogProb(logits[id]);
        return new SampledToken(id, logProb, mass == normaliser.Sum ? logProb : (float)Math.Log(weights[id] / mass), float.NaN);
    }

    private SampledToken SampleAdjusted(Span<float> logits, SamplingState state)
    {
        Normaliser normaliser = NormaliserOf(logits, state.InverseTemperature);
        Span<float> adjusted = kept;
        CopyAllowed(logits, adjusted, state);
        state.Adjust(adjusted);
        float max = MaxOf(adjusted);
        if (float.IsNegativeInfinity(max))
        {
            throw new MedixException(
                $"No token of the vocabulary continues the constrained output: {state.Constraint?.Expectation}. "
                + "The constraint needs characters that the tokenizer cannot write, or an end token that sampling bans; change the constraint.");
        }

        if (state.Options.Temperature == 0)
        {
            int best = adjusted.IndexOf(max);
            return new SampledToken(best, normaliser.LogProb(logits[best]), 0, float.NaN);
        }

        (int id, double mass) = Draw(state, Exponentials(adjusted, max, state.InverseTemperature));
        return new SampledToken(id, normaliser.LogProb(logits[id]), (float)Math.Log(weights[id] / mass), float.NaN);
    }

    /// <summary>The logits, minus infinity where the constraint forbids the token.</summary>
    private static void CopyAllowed(ReadOnlySpan<float> logits, Span<float> to, SamplingState state)
    {
        if (state.Constraint is not { } constraint)
        {
            logits.CopyTo(to);
            return;
        }

        to.Fill(float.NegativeInfinity);
        ReadOnlySpan<ulong> allowed = constraint.Allowed;
        for (int word = 0; word < allowed.Length; word++)
        {
            int first = word * 64;
            for (ulong left = allowed[word]; left != 0; left &= left - 1)
            {
                int id = first + BitOperations.TrailingZeroCount(left);
                if (id < to.Length)
                {
                    to[id] = logits[id];
                }
            }
        }

        for (int i = 0; i < state.EndTokens.Count; i++)
        {
            int end = state.EndTokens[i];
            if ((uint)end < (uint)to.Length)
            {
                to[end] = constraint.Accepting ? logits[end] : float.NegativeInfinity;
            }
        }
    }

    /// <summary>What turns logits into log-probabilities; the weights are left as e^((logit - max)·scale).</summary>
    private Normaliser NormaliserOf(ReadOnlySpan<float> logits, float scale)
    {
        float max = SoundMax(logits);
        return new Normaliser(max, Exponentials(logits, max, scale), scale);
    }

    private float Exponentials(ReadOnlySpan<float> logits, float max, float scale)
    {
        fixed (float* from = logits, to = weights)
        {
            return RowKernels.ExpSum(from, to, vocabulary, max, scale);
        }
    }

    private float MaxOf(ReadOnlySpan<float> logits)
    {
        fixed (float* from = logits)
        {
            return RowKernels.Max(from, vocabulary);
        }
    }

    private float SoundMax(ReadOnlySpan<float> logits)
    {
        float max = MaxOf(logits);
        return float.IsFinite(max)
            ? max
            : throw new MedixException(
                $"The model's logits hold {max}: its weights are damaged or training has diverged. "
                + "Load a checkpoint from before, or lower the learning rate.");
    }

    private Drawn Draw(SamplingState state, float sum)
    {
        SamplingOptions options = state.Options;
        double uniform = state.Random.NextDouble();
        bool topK = options.TopK > 0 && options.TopK < vocabulary;
        return topK || options.TopP < 1 || options.MinP > 0 ? DrawFiltered(options, uniform, sum, topK) : new Drawn(DrawAny(uniform), sum);
    }

    /// <summary>Inverse of the cumulative distribution, block by block.</summary>
    private int DrawAny(double uniform)
    {
        double total = 0;
        for (int start = 0; start < vocabulary; start += Block)
        {
            total += SumOf(start);
        }

        double left = uniform * total;
        int last = 0;
        for (int start = 0; start < vocabulary; start += Block)
        {
            double block = SumOf(start);
            if (left >= block)
            {
                left -= block;
                continue;
            }

            for (int i = start; i < Math.Min(start + Block, vocabulary); i++)
            {
                last = weights[i] > 0 ? i : last;
                left -= weights[i];
                if (left < 0)
                {
                    return last;
                }
            }
        }

        return weights.AsSpan().LastIndexOfAnyExcept(0f);
    }

    private double SumOf(int start)
    {
        int end = Math.Min(start + Block, vocabulary), i = start;
        Vector512<float> sum = default;
        for (; i <= end - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            sum += Vector512.LoadUnsafe(ref weights[i]);
        }

        double total = Vector512.Sum(sum);
        for (; i < end; i++)
        {
            total += weights[i];
        }

        return total;
    }

    private Drawn DrawFiltered(SamplingOptions options, double uniform, float sum, bool topK)
    {
        // Tokens below (1 - p)/V have less than 1 - p together, so the nucleus is complete without them; the largest weight is 1, so min-p is a weight.
        float least = topK ? KthLargest(options.TopK) : Math.Max((1 - options.TopP) * sum / vocabulary, options.MinP);
        int count = 0;
        for (int i = 0; i < vocabulary; i++)
        {
            if (weights[i] >= least && weights[i] > 0)
            {
                kept[count] = -weights[i];
                ids[count++] = i;
            }
        }

        kept.AsSpan(0, count).Sort(ids.AsSpan(0, count));
        double total = topK ? SumOfKept(count) : sum, nucleus = 0;
        int size = 0;
        while (size < count && (size == 0 || (nucleus < options.TopP * total && -kept[size] >= options.MinP)))
        {
            nucleus -= kept[size++];
        }

        double left = uniform * nucleus;
        for (int i = 0; i < size; i++)
        {
            left += kept[i];
            if (left < 0)
            {
                return new Drawn(ids[i], nucleus);
            }
        }

        return new Drawn(ids[size - 1], nucleus);
    }

    private double SumOfKept(int count)
    {
        double total = 0;
        for (int i = 0; i < count; i++)
        {
            total -= kept[i];
        }

        return total;
    }

    /// <summary>The k-th largest weight, by quickselect.</summary>
    private float KthLargest(int k)
    {
        weights.AsSpan().CopyTo(kept);
        int low = 0, high = vocabulary - 1, target = k - 1;
        while (low < high)
        {
            float pivot = kept[(low + high) / 2];
            int i = low, j = high;
            while (i <= j)
            {
                while (kept[i] > pivot)
                {
                    i++;
                }

                while (kept[j] < pivot)
                {
                    j--;
                }

                if (i <= j)
                {
                    (kept[i], kept[j]) = (kept[j], kept[i]);
                    i++;
                    j--;
                }
            }

            if (target > j && target < i)
            {
                break;
            }

            (low, high) = target <= j ? (low, j) : (i, high);
        }

        return kept[target];
    }

    private readonly record struct Normaliser(float Max, float Sum, float Scale)
    {
        public float LogProb(float logit) => ((logit - Max) * Scale) - MathF.Log(Sum);
    }

    /// <summary>A token and the sum of the weights it was drawn from.</summary>
    private readonly record struct Drawn(int Id, double Mass);
}
