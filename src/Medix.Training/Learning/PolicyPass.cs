using Medix.Training.Losses;
using Medix.Training.Qwen3VL;
using TorchSharp;

namespace Medix.Training.Learning;

/// <summary>Rollouts of whole groups as one forward pass: the packed batch, and where each response's tokens are.</summary>
internal sealed class PolicyPass
{
    private readonly IReadOnlyList<TrainingRollout> rollouts;
    private readonly int longest;

    public PolicyPass(IReadOnlyList<TrainingRollout> rollouts)
    {
        this.rollouts = rollouts;
        longest = rollouts.Max(r => r.Rollout.Tokens.Length);
        Batch = new TrainingBatch([.. rollouts.GroupBy(r => r.Group).Select(g => new TrainingGroup(g.First().Prompt.Input, [.. g.Select(r => r.Rollout.Tokens)]))]);
    }

    /// <summary>Groups in order of first appearance, responses within them in the rollouts' order: the rollouts must come group by group.</summary>
    public TrainingBatch Batch { get; }

    /// <summary>The rollouts beside the trainer's log-probabilities, padded.</summary>
    public PolicyBatch Collate(ReadOnlySpan<float> logProbs, ReadOnlySpan<float> entropies, float[]? referenceLogProbs)
    {
        PolicyRow[] rows = new PolicyRow[rollouts.Count];
        int at = 0;
        for (int i = 0; i < rows.Length; i++)
        {
            TrainingRollout r = rollouts[i];
            int length = r.Rollout.Tokens.Length;
            string id = $"{r.Rollout.SampleId} draw {r.Rollout.Draw}";
            rows[i] = new PolicyRow(id, r.Rollout.LogProbs, r.Advantages, referenceLogProbs?.AsSpan(at, length).ToArray());
            at += length;
        }

        return PolicyBatch.Collate(rows, longest, Pad(logProbs), Pad(entropies));
    }

    /// <summary>The gradient of the responses' own tokens, in the trainer's flat order.</summary>
    public float[] Flatten(double[] padded)
    {
        var flat = new float[rollouts.Sum(r => r.Rollout.Tokens.Length)];
        int at = 0;
        for (int i = 0; i < rollouts.Count; i++)
        {
            for (int t = 0; t < rollouts[i].Rollout.Tokens.Length; t++)
            {
                flat[at++] = (float)padded[(i * longest) + t];
            }
        }

        return flat;
    }

    /// <summary>Adds |trainer − sampler| of every token.</summary>
    public void Compare(ReadOnlySpan<float> logProbs, ref DifferenceSums sums)
    {
        int at = 0;
        foreach (TrainingRollout r in rollouts)
        {
            foreach (float sampled in r.Rollout.LogProbs)
            {
                sums.Add(Math.Abs((double)logProbs[at++] - sampled));
            }
        }
    }

    private float[] Pad(ReadOnlySpan<float> flat)
    {
        var padded = new float[rollouts.Count * longest];
        int at = 0;
        for (int i = 0; i < rollouts.Count; i++)
        {
            int length = rollouts[i].Rollout.Tokens.Length;
            flat.Slice(at, length).CopyTo(padded.AsSpan(i * longest));
            at += length;
        }

        return padded;
    }
}

/// <summary>Mean and largest of absolute differences.</summary>
internal struct DifferenceSums
{
    private double sum;
    private long count;

    public double Max { get; private set; }

    public readonly double Mean => count > 0 ? sum / count : 0;

    public void Add(double difference)
    {
        sum += difference;
        count++;
        Max = Math.Max(Max, difference);
    }
}
