using System.Runtime.Intrinsics;
using Medix.Inference.Kernels;
using Medix.Runs;

namespace Medix.Inference.Generation;

/// <summary>A drawn token and its log-probability.</summary>
internal readonly record struct SampledToken(int Id, float LogProb);

/// <summary>
/// Draws tokens from logits: temperature, then top-k (ties kept), then top-p over what is left (the token that crosses the threshold is kept; Holtzman et al.,
/// arXiv 1904.09751). The log-probability is of the whole distribution at that temperature, less the banned tokens. Owns its scratch memory: one per thread.
/// </summary>
internal sealed unsafe class TokenSampler(int vocabulary, int[] banned, SamplingOptions options)
{
    private const int Block = 256;

    private readonly float[] weights = new float[vocabulary];
    private readonly float[] kept = new float[vocabulary];
    private readonly int[] ids = new int[vocabulary];
    private readonly float inverse = options.Temperature == 0 ? 1f : 1f / options.Temperature;

    /// <summary>Draws one token. The banned tokens' logits are overwritten.</summary>
    public SampledToken Sample(Span<float> logits, SeededRandom random)
    {
        foreach (int id in banned)
        {
            logits[id] = float.NegativeInfinity;
        }

        fixed (float* from = logits, to = weights)
        {
            float max = RowKernels.Max(from, vocabulary);
            if (!float.IsFinite(max))
            {
                throw new MedixException(
                    $"The model's logits hold {max}: its weights are damaged or training has diverged. "
                    + "Load a checkpoint from before, or lower the learning rate.");
            }

            float sum = RowKernels.ExpSum(from, to, vocabulary, max, inverse);
            int id = options.Temperature == 0 ? logits.IndexOf(max) : Draw(random.NextDouble(), sum);
            return new SampledToken(id, ((logits[id] - max) * inverse) - MathF.Log(sum));
        }
    }

    private int Draw(double uniform, float sum)
    {
        bool topK = options.TopK > 0 && options.TopK < vocabulary;
        return topK || options.TopP < 1 ? DrawFiltered(uniform, sum, topK) : DrawAny(uniform);
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

    private int DrawFiltered(double uniform, float sum, bool topK)
    {
        // Tokens below (1 - p)/V have less than 1 - p together, so the nucleus is complete without them.
        float least = topK ? KthLargest(options.TopK) : (1 - options.TopP) * sum / vocabulary;
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
        while (size < count && (size == 0 || nucleus < options.TopP * total))
        {
            nucleus -= kept[size++];
        }

        double left = uniform * nucleus;
        for (int i = 0; i < size; i++)
        {
            left += kept[i];
            if (left < 0)
            {
                return ids[i];
            }
        }

        return ids[size - 1];
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
}
