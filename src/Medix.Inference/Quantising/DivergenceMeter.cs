using System.Numerics.Tensors;
using Medix.Evaluation;
using Medix.Inference.Qwen3VL;
using Medix.Runs;
using Medix.Text;

namespace Medix.Inference.Quantising;

/// <summary>
/// A model beside the one it was made of, over <paramref name="Tokens"/> tokens. <paramref name="Divergence"/> is the mean of KL(original ‖ packed) in nats over the whole
/// vocabulary; <paramref name="SameChoice"/> the share of places where both find the same token most probable. Perplexities are of the tokens that follow.
/// </summary>
public sealed record TextQuality(int Tokens, double PerplexityBefore, double PerplexityAfter, Estimate Divergence, double LargestDivergence, Estimate SameChoice);

/// <summary>Keeps what a model predicts for some inputs and compares other models with it.</summary>
internal sealed class DivergenceMeter
{
    private const int Block = 4096;
    private readonly IReadOnlyList<ModelInput> inputs;
    private readonly List<float[]> reference = [];
    private readonly int imageToken;
    private readonly int vocabulary;
    private double lossBefore;

    /// <summary>Computes the inputs with the reference model.</summary>
    public DivergenceMeter(Qwen3VLModel model, IReadOnlyList<ModelInput> inputs, CancellationToken cancellationToken)
    {
        (this.inputs, imageToken, vocabulary) = (inputs, model.Config.ImageTokenId, model.Config.Text.VocabularySize);
        foreach (ModelInput input in inputs)
        {
            cancellationToken.ThrowIfCancellationRequested();
            float[] logs = new float[checked(input.Tokens.Length * vocabulary)];
            model.Forward(
                input,
                (_, token, logits) =>
                {
                    Span<float> row = logs.AsSpan(token * vocabulary, vocabulary);
                    LogSoftMax(logits, row);
                    lossBefore += Loss(input, token, row);
                },
                null);
            reference.Add(logs);
        }
    }

    /// <summary>Tokens compared.</summary>
    public int Tokens => CalibrationSet.Tokens(inputs);

    /// <summary>Mean divergence of a model from the reference, in nats.</summary>
    public double Divergence(Qwen3VLModel model, CancellationToken cancellationToken) => Compare(model, cancellationToken).Divergences.Average();

    /// <summary>All figures of a model beside the reference.</summary>
    public TextQuality Quality(Qwen3VLModel model, CancellationToken cancellationToken)
    {
        Comparison found = Compare(model, cancellationToken);
        int targets = Math.Max(1, inputs.Sum(input => Enumerable.Range(1, input.Tokens.Length - 1).Count(i => input.Tokens[i] != imageToken)));
        int count = found.Divergences.Count;
        return new TextQuality(
            count, Math.Exp(lossBefore / targets), Math.Exp(found.Loss / targets),
            Estimates.Mean(found.Divergences, found.Places, Seed.Of("divergence")), found.Divergences.Max(), Intervals.Proportion(found.Same, count));
    }

    private Comparison Compare(Qwen3VLModel model, CancellationToken cancellationToken)
    {
        Comparison found = new();
        float[] logs = new float[vocabulary], scratch = new float[Block];
        for (int i = 0; i < inputs.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            (ModelInput input, float[] expected) = (inputs[i], reference[i]);
            model.Forward(
                input,
                (_, token, logits) =>
                {
                    ReadOnlySpan<float> row = expected.AsSpan(token * vocabulary, vocabulary);
                    LogSoftMax(logits, logs);
                    found.Divergences.Add(Math.Max(0, Divergence(row, logs, scratch)));
                    found.Places.Add($"{found.Places.Count / 8}");
                    found.Loss += Loss(input, token, logs);
                    found.Same += TensorPrimitives.IndexOfMax(row) == TensorPrimitives.IndexOfMax<float>(logs) ? 1 : 0;
                },
                null);
        }

        return found;
    }

    private double Loss(ModelInput input, int token, ReadOnlySpan<float> logs) =>
        token + 1 < input.Tokens.Length && input.Tokens[token + 1] != imageToken ? -logs[input.Tokens[token + 1]] : 0;

    private static void LogSoftMax(ReadOnlySpan<float> logits, Span<float> logs)
    {
        float most = TensorPrimitives.Max(logits);
        TensorPrimitives.Subtract(logits, most, logs);
        double sum = 0;
        Span<float> scratch = stackalloc float[Block / 8];
        for (int at = 0; at < logs.Length; at += scratch.Length)
        {
            ReadOnlySpan<float> part = logs.Slice(at, Math.Min(scratch.Length, logs.Length - at));
            TensorPrimitives.Exp(part, scratch);
            sum += TensorPrimitives.Sum<float>(scratch[..part.Length]);
        }

        TensorPrimitives.Subtract(logs, (float)Math.Log(sum), logs);
    }

    /// <summary>In blocks, so that single precision's rounding does not grow with the vocabulary.</summary>
    private static double Divergence(ReadOnlySpan<float> p, ReadOnlySpan<float> q, Span<float> scratch)
    {
        double sum = 0;
        for (int at = 0; at < p.Length; at += Block)
        {
            int count = Math.Min(Block, p.Length - at);
            Span<float> probabilities = scratch[..count];
            TensorPrimitives.Exp(p.Slice(at, count), probabilities);
            for (int i = 0; i < count; i++)
            {
                sum += (double)probabilities[i] * (p[at + i] - q[at + i]);
            }
        }

        return sum;
    }

    private sealed class Comparison
    {
        public List<double> Divergences { get; } = [];

        /// <summary>Neighbouring tokens go together in the interval: their divergences are alike.</summary>
        public List<string> Places { get; } = [];

        public double Loss { get; set; }

        public int Same { get; set; }
    }
}
