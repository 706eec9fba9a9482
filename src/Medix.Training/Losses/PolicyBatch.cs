using System.Globalization;
using Medix.Runs;

namespace Medix.Training.Losses;

/// <summary>
/// The responses of one micro-batch for the policy loss: B rows of R padded positions, all arrays row-major [B·R]. Masked positions are never read, so
/// they may hold anything.
/// </summary>
/// <param name="Ids">[B]: names the rollouts in errors.</param>
/// <param name="Length">Padded response length R.</param>
/// <param name="LogProbs">Log-probability of each response token under the policy being trained.</param>
/// <param name="OldLogProbs">The same under the policy that drew the tokens.</param>
/// <param name="Advantages">Per token.</param>
/// <param name="Mask">True on the response's own tokens.</param>
public sealed record PolicyBatch(
    IReadOnlyList<string> Ids, int Length, double[] LogProbs, double[] OldLogProbs, double[] Advantages, bool[] Mask)
{
    /// <summary>B.</summary>
    public int Rows => Ids.Count;

    /// <summary>Log-probabilities under the frozen reference model; needed for a KL penalty.</summary>
    public double[]? ReferenceLogProbs { get; init; }

    /// <summary>Entropy of the policy at each position, passed through to the metrics.</summary>
    public double[]? Entropies { get; init; }

    /// <summary>
    /// Puts rollouts of different lengths beside the trainer's padded log-probabilities [B·R] (and entropies [B·R] where it has them).
    /// </summary>
    public static PolicyBatch Collate(
        IReadOnlyList<PolicyRow> rows, int length, ReadOnlySpan<float> logProbs, ReadOnlySpan<float> entropies = default)
    {
        ArgumentNullException.ThrowIfNull(rows);
        int size = rows.Count * length;
        bool[] mask = new bool[size];
        double[] old = new double[size];
        double[] advantages = new double[size];
        double[]? reference = rows.Count > 0 && rows.All(r => r.ReferenceLogProbs is not null) ? new double[size] : null;
        for (int i = 0; i < rows.Count; i++)
        {
            PolicyRow row = rows[i];
            row.Check(length);
            mask.AsSpan(i * length, row.OldLogProbs.Length).Fill(true);
            Widen(row.OldLogProbs, old.AsSpan(i * length));
            row.Advantages.CopyTo(advantages.AsSpan(i * length));
            if (reference is not null)
            {
                Widen(row.ReferenceLogProbs, reference.AsSpan(i * length));
            }
        }

        return new PolicyBatch([.. rows.Select(r => r.Id)], length, Widened(logProbs), old, advantages, mask)
        {
            ReferenceLogProbs = reference,
            Entropies = entropies.IsEmpty ? null : Widened(entropies),
        };
    }

    /// <summary>Number of unmasked tokens of a row.</summary>
    public int TokensOf(int row) => Mask.AsSpan(row * Length, Length).Count(true);

    /// <summary>
    /// Refuses arrays of the wrong size and non-finite numbers on unmasked tokens. The gradient would not show them: clamping the ratio gives a bad token
    /// derivative 0 while the logged loss is NaN.
    /// </summary>
    internal void Check()
    {
        CheckArray(LogProbs, "log-probability under the trained policy");
        CheckArray(OldLogProbs, "log-probability under the rollout policy");
        CheckArray(Advantages, "advantage");
        CheckArray(ReferenceLogProbs, "log-probability under the reference model");
        if (Mask.Length != Rows * Length || (Entropies is not null && Entropies.Length != Mask.Length))
        {
            throw new ArgumentException($"The mask and the entropies of {Rows} rows of {Length} positions need {Rows * Length} entries.");
        }
    }

    private void CheckArray(double[]? values, string what)
    {
        if (values is null)
        {
            return;
        }

        if (values.Length != Rows * Length || values.Length != Mask.Length)
        {
            throw new ArgumentException($"{values.Length} values for {what}, but {Rows} rows of {Length} positions need {Rows * Length}.");
        }

        for (int i = 0; i < values.Length; i++)
        {
            if (Mask[i] && !double.IsFinite(values[i]))
            {
                throw new MedixException(string.Create(CultureInfo.InvariantCulture,
                    $"The {what} of rollout '{Ids[i / Length]}' is {values[i]} at response token {i % Length}, where a finite number is needed. ") +
                    "The step is not taken. Look for non-finite weights (a learning rate that is too high), or for a token that the policy cannot draw.");
            }
        }
    }

    private static double[] Widened(ReadOnlySpan<float> source)
    {
        double[] wide = new double[source.Length];
        Widen(source, wide);
        return wide;
    }

    private static void Widen(ReadOnlySpan<float> source, Span<double> target)
    {
        for (int i = 0; i < source.Length; i++)
        {
            target[i] = source[i];
        }
    }
}

/// <summary>One rollout's fixed part of a <see cref="PolicyBatch"/>, unpadded: every array has the response's length L.</summary>
/// <param name="Id">Names the rollout in errors.</param>
/// <param name="OldLogProbs">[L]: under the policy that drew the tokens.</param>
/// <param name="Advantages">[L].</param>
/// <param name="ReferenceLogProbs">[L]: under the reference model, or null without one.</param>
public sealed record PolicyRow(string Id, float[] OldLogProbs, double[] Advantages, float[]? ReferenceLogProbs = null)
{
    internal void Check(int length)
    {
        int tokens = OldLogProbs.Length;
        if (tokens > length || Advantages.Length != tokens || (ReferenceLogProbs is not null && ReferenceLogProbs.Length != tokens))
        {
            string reference = ReferenceLogProbs?.Length.ToString(CultureInfo.InvariantCulture) ?? "no";
            throw new ArgumentException($"Rollout '{Id}' has {tokens} old log-probabilities, {Advantages.Length} advantages and {reference} reference " +
                $"log-probabilities: give one per token, at most {length}.");
        }
    }
}
