using Medix.Inference.Kernels;
using Medix.Runs;

namespace Medix.Inference.Generation.Speculation;

/// <summary>
/// The distribution that <see cref="TokenSampler"/> draws from, as numbers: temperature, then top-k (ties kept), top-p of what is left, min-p. The filters choose
/// the same tokens as the sampler's, by the same sums in the same order.
/// </summary>
internal sealed unsafe class Distribution(int vocabulary, int[] banned, SamplingOptions options)
{
    private readonly float inverse = 1f / options.Temperature;
    private readonly bool topK = options.TopK > 0 && options.TopK < vocabulary;
    private readonly float[] probabilities = new float[vocabulary];
    private readonly float[] kept = new float[vocabulary];
    private readonly int[] ids = new int[vocabulary];
    private float max;
    private float logSum;

    /// <summary>Whether options leave the logits alone but for temperature and filters, so that a distribution depends on the logits only.</summary>
    public static bool Covers(SamplingOptions options) => options is { Temperature: > 0, KeepsLogits: true, WithRawLogProbs: false };

    /// <summary>Probabilities [vocabulary], their sum 1.</summary>
    public ReadOnlySpan<float> Probabilities => probabilities;

    private bool Filters => topK || options.TopP < 1 || options.MinP > 0;

    /// <summary>Computes the probabilities of logits [vocabulary]. The banned tokens' logits are overwritten.</summary>
    public void Fill(Span<float> logits)
    {
        foreach (int id in banned)
        {
            logits[id] = float.NegativeInfinity;
        }

        fixed (float* from = logits, to = probabilities)
        {
            max = RowKernels.Max(from, vocabulary);
            if (!float.IsFinite(max))
            {
                throw new MedixException($"The model's logits hold {max}: its weights are damaged or training has diverged. Load a checkpoint from before.");
            }

            float sum = RowKernels.ExpSum(from, to, vocabulary, max, inverse);
            logSum = MathF.Log(sum);
            double mass = Filters ? Filter(sum) : sum;
            RowKernels.Scale(to, to, vocabulary, (float)(1 / mass));
        }
    }

    /// <summary>The token with its log-probabilities, for the logits that were filled in.</summary>
    public SampledToken Token(int id, ReadOnlySpan<float> logits)
    {
        float logProb = ((logits[id] - max) * inverse) - logSum;
        return new SampledToken(id, logProb, Filters ? MathF.Log(probabilities[id]) : logProb, float.NaN);
    }

    /// <summary>Draws a token.</summary>
    public int Draw(SeededRandom random)
    {
        double left = random.NextDouble() * Sum(probabilities);
        return At(left, probabilities);
    }

    /// <summary>Draws a token from (p − q)⁺, what a proposal's distribution q leaves over; q is overwritten by it.</summary>
    public int DrawBeyond(Span<float> q, SeededRandom random)
    {
        for (int i = 0; i < q.Length; i++)
        {
            q[i] = Math.Max(0, probabilities[i] - q[i]);
        }

        // Nothing is left over where p and q are equal but for rounding: then p itself is as good.
        double uniform = random.NextDouble(), sum = Sum(q);
        return sum > 0 ? At(uniform * sum, q) : At(uniform * Sum(probabilities), probabilities);
    }

    private static double Sum(ReadOnlySpan<float> values)
    {
        double sum = 0;
        foreach (float value in values)
        {
            sum += value;
        }

        return sum;
    }

    private static int At(double left, ReadOnlySpan<float> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            left -= values[i];
            if (left < 0)
            {
                return i;
            }
        }

        return values.LastIndexOfAnyExcept(0f);
    }

    /// <summary>Clears the weights of what the filters drop; returns the sum of the others.</summary>
    private double Filter(float sum)
    {
        float least = topK ? KthLargest(options.TopK) : Math.Max((1 - options.TopP) * sum / vocabulary, options.MinP);
        int count = 0;
        for (int i = 0; i < vocabulary; i++)
        {
            if (probabilities[i] >= least && probabilities[i] > 0)
            {
                kept[count] = -probabilities[i];
                ids[count++] = i;
            }
        }

        kept.AsSpan(0, count).Sort(ids.AsSpan(0, count));
        double total = topK ? -Sum(kept.AsSpan(0, count)) : sum, nucleus = 0;
        int size = 0;
        while (size < count && (size == 0 || (nucleus < options.TopP * total && -kept[size] >= options.MinP)))
        {
            nucleus -= kept[size++];
        }

        Array.Clear(probabilities);
        for (int i = 0; i < size; i++)
        {
            probabilities[ids[i]] = -kept[i];
        }

        return nucleus;
    }

    /// <summary>The k-th largest weight, from a sorted list of the largest so far.</summary>
    private float KthLargest(int k)
    {
        Span<float> largest = kept.AsSpan(0, k);
        probabilities.AsSpan(0, k).CopyTo(largest);
        largest.Sort();
        for (int i = k; i < vocabulary; i++)
        {
            float value = probabilities[i];
            if (value <= largest[0])
            {
                continue;
            }

            int place = largest.BinarySearch(value);
            place = (place < 0 ? ~place : place) - 1;
            largest[1..(place + 1)].CopyTo(largest);
            largest[place] = value;
        }

        return largest[0];
    }
}
